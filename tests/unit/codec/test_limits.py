"""What a server states of its limits, in the forms that are in use, and what is junk."""

import pytest

from ltx_async.codec import Redaction, Reply, parse_account
from ltx_async.codec.limits import stated_rate, stated_reset
from ltx_async.errors import RateLimitError
from unit.scripted import EMAIL, TOKEN

NOW = 1_772_000_000.0


@pytest.mark.parametrize(
    ("policy", "rate"),
    [
        ('"default";q=100;w=60', 100 / 60),
        ('"default"; q=100; w=60', 100 / 60),
        ("100;w=60", 100 / 60),
        ('"burst";q=100;w=10, "daily";q=1000;w=86400', 10),
        ('"hourly";q=1000;w=3600, "burst";q=20;w=1', 20),
        ("100, 100;w=60", 100 / 60),
        ('"day";q=1000;w=86400', None),
        ('"x";q=100', None),
        ('"x";w=60', None),
        ('"x";q=0;w=60', None),
        ('"x";q=100;w=0', None),
        ('"x";q=-1;w=60', None),
        ('"x";q=1e9;w=60', None),
        ('"x";q=\u0661;w=60', None),
        ('"x";q=' + "9" * 20 + ";w=1", None),
        (";;;,,,", None),
        ("1;w," * 31 + "20;w=1", 20),
        ("1;w," * 100_000 + "20;w=1", None),
        ("20" + ";x" * 30 + ";w=1", 20),
        ("20" + ";x" * 100_000 + ";w=1", None),
        ("", None),
    ],
)
def test_the_rate_is_the_quota_over_the_shortest_window(policy, rate):
    stated = stated_rate({"ratelimit-policy": policy})
    assert stated == (None if rate is None else pytest.approx(rate))
    assert stated_rate({}) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": '"a";r=5;t=3, "b";r=0;t=7'}, 7),
        ({"ratelimit": '"default";r=5;t=30'}, None),
        ({"ratelimit": '"default";r=0'}, None),
        ({"ratelimit-reset": "12"}, 12),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12),
        ({"ratelimit-remaining": "3", "ratelimit-reset": "12"}, None),
        ({"x-ratelimit-reset": "2.5"}, 2.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 40:.0f}"}, 40),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{(NOW + 40) * 1000:.0f}"}, 40),
        ({"x-ratelimit-reset": f"{NOW - 40:.0f}"}, 0),
        ({"x-ratelimit-remaining": "59", "x-ratelimit-reset": "40"}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-reset": "-4"}, None),
        ({"x-ratelimit-reset": "nan"}, None),
        ({"x-ratelimit-reset": "9" * 30}, None),
        ({}, None),
    ],
)
def test_the_reset_counts_where_nothing_is_left(headers, seconds):
    assert stated_reset(headers, NOW) == seconds


def error_of(status, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_account(Reply(status, names, b""), EMAIL, Redaction.of(TOKEN))


def test_a_429_says_what_is_allowed_and_when_there_is_room():
    error = error_of(429, ratelimit='"d";r=0;t=4', ratelimit_policy='"d";q=50;w=5')
    assert type(error) is RateLimitError
    assert (error.retry_after, error.allowed) == (4, 10)
    assert error.message == "HTTP 429 (asks to wait 4 s)"


def test_retry_after_comes_first():
    assert error_of(429, retry_after="9", x_ratelimit_reset="4").retry_after == 9


@pytest.mark.parametrize("status", [404, 500, 503])
def test_of_other_replies_what_is_stated_of_a_limit_says_nothing(status):
    error = error_of(status, x_ratelimit_reset="4", ratelimit_policy='"d";q=50;w=5')
    assert (error.retry_after, error.allowed) == (None, None)


def test_an_absurd_reset_counts_as_an_hour():
    assert error_of(429, x_ratelimit_reset="9999999").retry_after == 3600
