"""Half of the last 20 replies make 503 and its like a throttle, and no fewer."""

import pytest

from ltx_async.engine.health.overload import Overload
from ltx_async.errors import (
    AccountNotFoundError,
    ConnectError,
    RateLimitError,
    ResponseError,
    ServerError,
)


def overloaded(status=503):
    kind = ServerError if status >= 500 else ResponseError
    return kind(f"HTTP {status}", status=status)


def noted(overload, replies, *, paced=False):
    return [overload.note(reply, paced=paced) for reply in replies]


@pytest.mark.parametrize("status", [503, 529, 408])
def test_the_tenth_of_ten_is_a_throttle_and_so_is_each_one_after_it(status):
    verdicts = noted(Overload(), [overloaded(status)] * 15)
    assert verdicts == [False] * 9 + [True] * 6


@pytest.mark.parametrize("other", [None, AccountNotFoundError("none"), overloaded(502)])
def test_ten_among_twenty_are_many_and_nine_are_not(other):
    overload = Overload()
    assert not any(noted(overload, [other] * 30))
    assert not any(noted(overload, [other, overloaded()] * 9 + [other]))
    assert noted(overload, [overloaded()]) == [True]
    assert not any(noted(Overload(), ([other] * 11 + [overloaded()] * 9) * 10))


def test_ten_per_cent_are_never_many():
    assert not any(noted(Overload(), ([None] * 9 + [overloaded()]) * 200))


def test_a_429_is_always_a_throttle_and_makes_none_of_a_503():
    overload = Overload()
    assert all(noted(overload, [RateLimitError("slow down", status=429)] * 30))
    assert noted(overload, [overloaded()], paced=True) == [False]


def test_once_they_were_many_each_one_is_a_throttle_while_the_pace_holds():
    overload = Overload()
    noted(overload, [overloaded()] * 10)
    assert not any(noted(overload, [None] * 100, paced=True))
    assert noted(overload, [overloaded()], paced=True) == [True]
    assert noted(overload, [overloaded()], paced=False) == [False]


@pytest.mark.parametrize("error", [ConnectError("refused"), overloaded(500), overloaded(522)])
def test_other_failures_are_no_throttle(error):
    assert not any(noted(Overload(), [error] * 40, paced=True))
