"""Counters of a run: right to within 5 %, in constant memory."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.engine.stats import Counters, Latencies
from ltx_async.models import Outcome


def latencies_of(*seconds):
    latencies = Latencies()
    for value in seconds:
        latencies.add(value)
    return latencies


def test_without_latencies_there_is_no_quantile():
    assert Latencies().quantile(0.5) is None
    assert Counters().stats().latency_p50 is None
    assert Counters().stats().latency_p99 is None


@given(st.floats(1.1e-5, 1500))
def test_one_latency_is_every_quantile_to_within_5_percent(seconds):
    latencies = latencies_of(seconds)
    for share in (0.0, 0.5, 0.99, 1.0):
        assert latencies.quantile(share) == pytest.approx(seconds, rel=0.05)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_quantiles_of_many_are_right_to_within_5_percent(share):
    values = sorted(random.Random(1).lognormvariate(-3, 1) for _ in range(10_000))
    exact = values[round(share * len(values)) - 1]
    assert latencies_of(*values).quantile(share) == pytest.approx(exact, rel=0.05)


def test_the_median_of_two_is_the_smaller():
    assert latencies_of(1.0, 100.0).quantile(0.5) == pytest.approx(1.0, rel=0.05)
    assert latencies_of(1.0, 100.0).quantile(0.51) == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize("seconds", [0.0, -1e-9, 1e-9, 1e-5])
def test_what_is_too_short_to_measure_counts_as_the_shortest(seconds):
    assert 0 < latencies_of(seconds).quantile(0.5) < 2e-5


def test_what_is_longer_than_any_attempt_counts_as_the_longest():
    assert latencies_of(1e9).quantile(0.5) > 1500


def test_the_stats_have_every_outcome_as_a_key():
    counters = Counters(requests=7, retries=2, throttles=1)
    for outcome in (Outcome.OK, Outcome.OK, Outcome.FAILED):
        counters.outcomes[outcome] += 1
    stats = counters.stats()
    assert stats.outcomes == {
        Outcome.OK: 2,
        Outcome.NEEDS_REAUTH: 0,
        Outcome.NOT_FOUND: 0,
        Outcome.INVALID: 0,
        Outcome.FAILED: 1,
    }
    assert (stats.requests, stats.retries, stats.throttles) == (7, 2, 1)


def test_stats_are_a_snapshot():
    counters = Counters()
    before = counters.stats()
    counters.outcomes[Outcome.OK] += 1
    assert before.outcomes[Outcome.OK] == 0
    assert counters.stats().outcomes[Outcome.OK] == 1
