import random
from datetime import UTC, datetime, timedelta

import pytest
from command_line import NOW, make_lookup

from ltx_async import AccountNotFoundError, Outcome
from ltx_async.alerts import Attention, Need, Sighting, Thresholds
from ltx_async.cli.checking.urgent import MostUrgent
from ltx_async.cli.values import parse_duration
from ltx_async.results.record import Record

WEEK = Thresholds(expires_within=timedelta(days=7))


def found(email="a@x", outcome=Outcome.OK, **known):
    return Sighting(email, outcome, NOW, **known)


def texts(thresholds, **known):
    return [alert.text for alert in thresholds.alerts(found(**known), NOW)]


def attention(thresholds=WEEK, **known) -> Attention:
    needed = thresholds.attention(found(**known))
    assert needed is not None
    return needed


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
    assert texts(Thresholds(min_balance=10), balance=balance) == alerts
    assert texts(Thresholds(min_balance=10)) == []


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(days=3), "ends in 3 days (2026-01-05)"),
        (timedelta(hours=21), "ends tomorrow (2026-01-03)"),
        (timedelta(days=1, hours=20), "ends tomorrow (2026-01-03)"),
        (timedelta(days=1, hours=21), "ends in 2 days (2026-01-04)"),
        (timedelta(hours=5), "ends today at 08:04 UTC (2026-01-02)"),
        (timedelta(), "ended today at 03:04 UTC (2026-01-02)"),
        (timedelta(hours=-3), "ended today at 00:04 UTC (2026-01-02)"),
        (timedelta(hours=-4), "ended yesterday (2026-01-01)"),
        (timedelta(days=-2), "ended 2 days ago (2025-12-31)"),
    ],
)
def test_the_end_of_a_sign_in_is_told_in_days_of_the_calendar_beside_the_date(left, text):
    (said,) = texts(WEEK, refresh_token_expires_at=NOW + left)
    assert said == f"sign-in {text}"


def test_the_access_token_counts_only_where_the_end_of_the_sign_in_is_unknown():
    soon, later = NOW + timedelta(days=1), NOW + timedelta(days=60)
    assert texts(WEEK, token_expires_at=soon, refresh_token_expires_at=later) == []
    (said,) = texts(WEEK, token_expires_at=soon)
    assert said == (
        "access token ends tomorrow (2026-01-03)"
        " (normally renewed by the service; end of the sign-in unknown)"
    )
    assert attention(token_expires_at=soon).reasons == (Need.ACCESS_TOKEN_ENDS,)
    assert texts(WEEK) == []


def test_without_thresholds_only_what_is_wrong_needs_somebody():
    assert not Thresholds()
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    assert Thresholds().attention(found(balance=0, token_expires_at=long_ago)) is None
    needed = attention(Thresholds(), outcome=Outcome.NEEDS_REAUTH, error="Session expired")
    assert (needed.reasons, needed.due_at) == ((Need.SIGN_IN_AGAIN,), NOW)
    assert needed.text == "sign in again: Session expired"
    assert attention(Thresholds(), outcome=Outcome.NOT_FOUND).text == "not found"


@pytest.mark.parametrize(
    ("limits", "crossed"), [(("7d", "1d"), 7), (("1d", "30d", "7d"), 7), (("30d",), 30)]
)
def test_of_several_limits_the_nearest_that_is_crossed_is_named(limits, crossed):
    spans = Thresholds(expires_within=tuple(map(parse_duration, limits)))
    (alert,) = attention(spans, refresh_token_expires_at=NOW + timedelta(days=3)).alerts
    assert alert.threshold == timedelta(days=crossed).total_seconds()
    assert spans.attention(found(refresh_token_expires_at=NOW + timedelta(days=31))) is None


def test_all_reasons_of_an_account_come_together_and_the_earliest_date_counts():
    both = Thresholds(min_balance=10, expires_within=timedelta(days=7))
    ended = NOW - timedelta(days=1)
    needed = attention(
        both, outcome=Outcome.NEEDS_REAUTH, balance=3, refresh_token_expires_at=ended
    )
    assert needed.reasons == (Need.SIGN_IN_AGAIN, Need.LOW_BALANCE, Need.SIGN_IN_ENDS)
    assert (needed.due_at, needed.balance) == (ended, 3)
    assert needed.as_json() == {
        "email": "a@x",
        "reasons": ["sign_in_again", "low_balance", "sign_in_ends"],
        "due_at": "2026-01-01T03:04:05.678Z",
        "balance": 3,
        "text": "sign in again; balance 3 is below 10; sign-in ended yesterday (2026-01-01)",
    }
    low = attention(both, balance=3)
    assert (low.due_at, low.as_json()["due_at"]) == (None, None)


def test_the_most_urgent_comes_first_by_day_then_by_reason():
    both = Thresholds(min_balance=10, expires_within=timedelta(days=7))
    order = [
        attention(both, email="ended@x", refresh_token_expires_at=NOW - timedelta(days=3)),
        attention(both, email="broken@x", outcome=Outcome.NEEDS_REAUTH),
        attention(both, email="gone@x", outcome=Outcome.NOT_FOUND),
        attention(both, email="wrong@x", outcome=Outcome.INVALID),
        attention(both, email="failed@x", outcome=Outcome.FAILED),
        attention(both, email="today@x", refresh_token_expires_at=NOW + timedelta(hours=1)),
        attention(both, email="soon@x", refresh_token_expires_at=NOW + timedelta(days=2)),
        attention(both, email="later@x", refresh_token_expires_at=NOW + timedelta(days=6)),
        attention(both, email="low@x", balance=1),
        attention(both, email="lower@x", balance=1, token_expires_at=NOW),
        attention(both, email="renewed@x", token_expires_at=NOW - timedelta(days=2)),
        attention(both, email="token@x", token_expires_at=NOW + timedelta(days=2)),
    ]
    shuffled = random.Random(1).sample(order, len(order))
    assert [one.email for one in sorted(shuffled)] == [one.email for one in order]
    urgent = MostUrgent(3)
    dropped = [urgent.add(one) for one in shuffled]
    assert urgent.kept() == order[:3]
    assert {one.email for one in dropped if one} == {one.email for one in order[3:]}
    assert (urgent.accounts, urgent.alerts) == (12, 9)
    assert urgent.reasons[Need.LOW_BALANCE] == 2
    whole = MostUrgent(len(order))
    assert [whole.add(one) for one in shuffled] == [None] * 12
    assert whole.kept() == order


def test_a_record_and_a_lookup_are_judged_alike():
    both = Thresholds(min_balance=10, expires_within=timedelta(days=7))
    wire = {"email": "ann@example.com", "balance": {"LTXStudio_token": 5}, "error": "no session"}
    broken = make_lookup(wire=wire)
    gone = make_lookup(error=AccountNotFoundError("no such account"))
    for lookup in (broken, gone):
        needed = both.attention(Sighting.of(lookup))
        assert needed is not None
        assert needed == both.attention(Record.of_lookup(lookup), lookup.checked_at)
    assert both.attention(Sighting.of(make_lookup(wire={"email": "ann@example.com"}))) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("12h", 43_200),
        ("7d", 604_800),
        (" 2w ", 1_209_600),
        ("1.5h", 5400),
        ("20ms", 0.02),
        ("300", 300),
        ("0", 0),
        ("0.5", 0.5),
        ("1e3", 1000),
    ],
)
def test_durations_are_numbers_with_a_unit_or_of_seconds(text, seconds):
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d",
        "-1d",
        "7 d",
        "1e3d",
        "\u0667d",
        "9999999d",
        "7y",
        "-1",
        "nan",
        "inf",
        "1e12",
        "\u0667",
        "7D",
    ],
)
def test_other_durations_are_refused_with_an_example(text):
    with pytest.raises(ValueError, match="7d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["30", "1", "7.5"])
def test_a_span_that_needs_a_unit_is_not_recommended_without_one(text):
    with pytest.raises(ValueError, match="for example 30s, 15m") as raised:
        parse_duration(text, unit=None)
    assert " 30," not in str(raised.value)
