from datetime import UTC, datetime, timedelta

import pytest
from command_line import NOW

from ltx_async import Account
from ltx_async.alerts import Thresholds
from ltx_async.cli.options import parse_duration

WEEK = Thresholds(expires_within=timedelta(days=7))


def reasons(thresholds, **fields):
    return [alert.reason for alert in thresholds.alerts("a@x", Account(**fields), NOW)]


@pytest.mark.parametrize(
    ("balance", "alerts"),
    [
        (9.5, ["balance 9.5 is below 10"]),
        (10, []),
        (11, []),
        (None, []),
        (-1, ["balance -1 is below 10"]),
    ],
)
def test_a_balance_below_the_threshold_is_an_alert(balance, alerts):
    assert reasons(Thresholds(min_balance=10), balance={"LTXStudio_token": balance}) == alerts
    assert reasons(Thresholds(min_balance=10)) == []


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=3), "expires in 3 days"),
        (timedelta(days=1), "expires in 1 day"),
        (timedelta(hours=5), "expires in 5 hours"),
        (timedelta(minutes=1), "expires in 1 minute"),
        (timedelta(), "expires in 0 seconds"),
        (timedelta(days=-2), "expired 2 days ago"),
    ],
)
def test_the_end_of_a_sign_in_is_an_alert_that_says_when(left, text):
    (reason,) = reasons(WEEK, refresh_token_expires_at=NOW + left)
    assert reason == f"refresh token {text} ({NOW + left:%Y-%m-%d})"


def test_the_refresh_token_counts_where_it_is_known_else_the_access_token():
    soon, later = NOW + timedelta(days=1), NOW + timedelta(days=60)
    assert reasons(WEEK, token_expires_at=soon, refresh_token_expires_at=later) == []
    (reason,) = reasons(WEEK, token_expires_at=soon)
    assert reason.startswith("access token expires in 1 day")
    assert reasons(WEEK) == []


def test_without_thresholds_there_are_no_alerts():
    assert not Thresholds()
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    assert reasons(Thresholds(), balance={"LTXStudio_token": 0}, token_expires_at=long_ago) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("12h", 43_200),
        ("7d", 604_800),
        (" 2w ", 1_209_600),
        ("1.5h", 5400),
    ],
)
def test_durations_are_numbers_with_a_unit(text, seconds):
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "7 d", "1e3d", "\u0667d", "9999999d", "7y"])
def test_other_durations_are_refused_with_an_example(text):
    with pytest.raises(ValueError, match="7d"):
        parse_duration(text)
