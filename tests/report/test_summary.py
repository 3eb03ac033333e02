import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_examples import (
    NOW,
    balanced,
    days,
    failed,
    found,
    missing,
    read,
    refused,
    run_of,
    write_jsonl,
)

from ltx_async import Outcome
from ltx_async.report import summarise
from ltx_async.report.arrays import Moments
from ltx_async.report.distribution import Bin, bins, percentile
from ltx_async.report.expiry import WEEKS_AHEAD, calendar, expiry

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63)


def moments_in(last_year=9999):
    latest = datetime(last_year, 1, 1)  # noqa: DTZ001 - the zone is added below
    return st.datetimes(max_value=latest, timezones=st.just(UTC))


def column(moments):
    kept = Moments()
    kept.extend(moments)
    return kept


def summary_of(tmp_path, lookups):
    return summarise(read(write_jsonl(tmp_path / "run.jsonl", lookups)))


def test_outcomes_add_up_to_the_accounts(tmp_path):
    summary = summary_of(tmp_path, run_of(300))
    assert summary.accounts == sum(summary.outcomes.values()) == 300
    assert summary.need_attention == 300 - summary.outcomes[Outcome.OK] > 0


def test_balances_are_told_of_the_accounts_that_have_one(tmp_path):
    lookups = [balanced(f"{n}@example.com", n * 100) for n in range(1, 5)]
    balance = summary_of(tmp_path, [*lookups, missing(), found("bob@example.com")]).balance
    told = (balance.known, balance.total, balance.median, balance.lowest, balance.highest)
    assert told == (4, 1000, 200, 100, 400)


def test_balances_beyond_all_numbers_have_no_total(tmp_path):
    lookups = [balanced(f"{n}@example.com", 1.7e308) for n in range(2)]
    balance = summary_of(tmp_path, lookups).balance
    assert (balance.known, balance.total) == (2, None)


def test_percentiles_are_of_what_was_sent(tmp_path):
    lookups = [found(f"{n}@example.com", elapsed=n / 1000) for n in range(1, 101)]
    summary = summary_of(tmp_path, [*lookups, refused()])
    assert summary.latency_ms == {"p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99, "max": 100}
    assert [row.elapsed_ms for row in summary.slowest] == list(range(100, 90, -1))


def test_a_run_without_results_has_a_summary(tmp_path):
    summary = summary_of(tmp_path, [])
    assert (summary.accounts, summary.as_of, summary.latency_ms) == (0, None, {})
    assert summary.balance.bins == summary.slowest == ()


def test_the_summary_is_json_with_moments_as_in_the_records(tmp_path):
    summary = summary_of(tmp_path, [balanced("ann@example.com", 5), failed("bob@example.com")])
    figures = json.loads(json.dumps(summary.as_json(), allow_nan=False))
    assert figures["as_of"] == "2026-03-11T14:03:05.000Z"
    assert figures["outcomes"] == {
        "ok": 1, "needs_reauth": 0, "not_found": 0, "invalid": 0, "failed": 1,
    }  # fmt: skip
    assert figures["slowest"][0] == {"email": "bob@example.com", "elapsed_ms": 9500, "attempts": 3}
    assert figures["sign_ins"]["weeks"][0] == {"begins": "2026-03-09", "count": 0}


def test_percentiles_are_of_the_nearest_rank():
    assert [percentile([1, 2, 3, 4], percent) for percent in (1, 25, 26, 50, 100)] == [
        1,
        1,
        2,
        2,
        4,
    ]


def test_bins_are_round_and_adjacent():
    assert bins([3, 250, 999], at_most=7) == (
        Bin(0, 200, 1), Bin(200, 400, 1), Bin(400, 600, 0), Bin(600, 800, 0), Bin(800, 1000, 1),
    )  # fmt: skip
    assert bins([7], at_most=5) == (Bin(7, 8, 1),)
    assert bins([], at_most=5) == ()


def test_few_far_values_do_not_flatten_the_others():
    told = bins([*range(1000), 10**9], at_most=12)
    assert told[-1] == Bin(1000, None, 1)
    assert [each.count for each in told[:-1]] == [100] * 10


def test_one_far_value_among_a_few_does_not_flatten_the_others():
    told = bins([*range(20), 10**6], at_most=12)
    assert told[-1] == Bin(20, None, 1)
    assert [each.count for each in told[:-1]] == [2] * 10


def test_fractions_get_bins_as_fine_as_they_need():
    told = bins([0.29, 0.3, 0.99], at_most=10)
    assert told[0] == Bin(0.2, 0.3, 1)
    assert told[1] == Bin(0.3, 0.4, 1)  # 3 · 0.1 is not 0.3
    assert told[-1] == Bin(0.9, 1.0, 1)
    assert bins([0.001, 0.002], at_most=9) == (Bin(0, 0.01, 2),)


@pytest.mark.parametrize("value", [2.0**62, 1e300, -1e200])
def test_a_bin_of_a_huge_value_holds_it(value):
    (only,) = bins([value], at_most=9)
    assert only.low <= value < only.high


def test_a_reach_that_was_rounded_down_brings_no_more_bins():
    assert len(bins([-5e-324, *[3] * 10, 100], at_most=5)) <= 5


@pytest.mark.parametrize("values", [[-1e308, 1e308], [1.7e308]])
def test_values_too_large_or_too_far_apart_are_one_bin(values):
    assert bins(values, at_most=9) == (Bin(None, None, len(values)),)


@given(st.lists(numbers, min_size=1), st.integers(3, 40))
def test_every_value_is_in_one_bin_and_there_are_no_more_than_asked_for(values, at_most):
    told = bins(values, at_most=at_most)
    assert len(told) <= at_most
    for each in told:
        low, high = (each.low, each.high) if told[0].low is not None else (None, None)
        assert each.count == sum(
            (low is None or value >= low) and (high is None or value < high)
            for value in map(float, values)
        )


def test_ends_are_counted_by_week_from_monday():
    moments = [NOW + timedelta(days=number) for number in (-400, -0.1, 0.1, 4.4, 4.5, 7, 12, 200)]
    ends = expiry(column([*moments, None]), NOW)
    assert (ends.known, ends.ended, ends.soon, ends.later) == (8, 2, 4, 1)
    assert [week.begins for week in ends.weeks[:3]] == [
        date(2026, 3, 9), date(2026, 3, 16), date(2026, 3, 23),
    ]  # fmt: skip
    assert [week.count for week in ends.weeks] == [2, 2, 1] + [0] * (WEEKS_AHEAD - 3)


@given(st.lists(moments_in()), moments_in(last_year=9000))
def test_every_end_is_counted_once(moments, as_of):
    ends = expiry(column(moments), as_of)
    counted = ends.ended + sum(week.count for week in ends.weeks) + ends.later
    assert counted == ends.known == len(moments)
    assert sum(each.sign_ins for each in calendar(ends, ends, as_of)) == len(moments)


def test_the_calendar_stops_where_nothing_ends_any_more():
    sign_ins = expiry(column([NOW + timedelta(days=14)]), NOW)
    tokens = expiry(column([NOW - timedelta(days=1)]), NOW)
    told = [
        (each.label, each.sign_ins, each.access_tokens) for each in calendar(sign_ins, tokens, NOW)
    ]
    assert told == [("ended", 0, 1), ("9 Mar", 0, 0), ("16 Mar", 0, 0), ("23 Mar", 1, 0)]


@pytest.mark.parametrize("day", [0.5, 5, 30, 365])
def test_the_bounds_of_the_calendar_hold_what_is_counted_in_them(tmp_path, day):
    summary = summary_of(
        tmp_path, [found(refreshTokenExpireUTC=days(day), tokenExpireUTC=days(-1))]
    )
    end = NOW + timedelta(days=day)
    for each in calendar(summary.sign_ins, summary.access_tokens, NOW):
        inside = (each.low is None or end >= each.low) and (each.high is None or end < each.high)
        assert each.sign_ins == inside
