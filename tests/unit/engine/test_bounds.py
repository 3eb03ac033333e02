"""How long a lookup may take: checked once, and replaced call by call."""

import pytest

from ltx_async.engine.bounds import Bounds
from ltx_async.errors import ConfigurationError

BOUNDS = Bounds(30.0, 300.0)
YEAR = 86_400 * 365


@pytest.mark.parametrize("value", [0, -1, YEAR + 1, float("nan"), float("inf"), "5", None, True])
@pytest.mark.parametrize("name", ["timeout", "deadline"])
def test_a_bound_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} must be a number of seconds above 0"):
        Bounds(**{"timeout": 1, "deadline": 1, name: value})


@pytest.mark.parametrize("value", [1e-9, 1, 0.5, YEAR])
def test_the_edges_are_allowed(value):
    assert Bounds(value, value).timeout == value


@pytest.mark.parametrize(
    ("timeout", "deadline", "expected"),
    [
        (2, None, Bounds(2, 300.0)),
        (None, 7, Bounds(30.0, 7)),
        (2, 7, Bounds(2, 7)),
    ],
)
def test_a_call_replaces_what_it_names(timeout, deadline, expected):
    assert BOUNDS.but(timeout, deadline) == expected


def test_a_call_that_names_nothing_changes_nothing():
    assert BOUNDS.but(None, None) is BOUNDS


@pytest.mark.parametrize(("timeout", "deadline"), [(0, None), (None, 0), (False, None)])
def test_what_a_call_names_is_checked_too(timeout, deadline):
    with pytest.raises(ConfigurationError):
        BOUNDS.but(timeout, deadline)
