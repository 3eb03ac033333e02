"""Where a run stands, and what came of all lookups of a client."""

import asyncio

import pytest

from ltx_async.engine.stats import Counters
from ltx_async.errors import ConfigurationError, DecodeError
from ltx_async.models import Outcome, Stats
from ltx_async.reasons import MOST_KINDS, OTHER, Reason, Reasons
from unit.scripted import (
    EMAIL,
    HANGS,
    After,
    ScriptedTransport,
    client_over,
    emails,
    policy,
    refused,
    throttled,
)
from unit.virtual_time import in_virtual_time, passes


@in_virtual_time
async def test_a_run_tells_what_is_finished_and_pending_and_how_fast_it_is():
    client = client_over(ScriptedTransport(latency=1.0), concurrency=5)
    run = client.lookup_many(emails(20))
    assert (run.stats.finished, run.stats.pending, run.stats.per_second) == (0, 0, None)
    async with run:
        await passes(0.5)
        assert (run.stats.finished, run.stats.pending, run.stats.per_second) == (0, 5, 0.0)
        async for _ in run:
            assert run.stats.finished + run.stats.pending <= 20
        await passes(100)
    await passes(100)
    stats = run.stats
    assert (stats.finished, stats.pending, stats.seconds) == (20, 0, 4.0)
    assert stats.per_second == 5.0


@in_virtual_time
async def test_what_a_run_that_is_left_had_taken_stays_pending_and_its_clock_stops():
    client = client_over(ScriptedTransport(lambda email, number: HANGS), concurrency=3)
    async with client.lookup_many(emails(20)) as run:
        await passes(2)
    await passes(2)
    assert (run.stats.finished, run.stats.pending, run.stats.seconds) == (0, 3, 2.0)
    assert len(run.pending()) == 3


@in_virtual_time
async def test_a_client_counts_single_lookups_runs_that_are_over_and_those_that_go_on():
    def script(email, number):
        return {EMAIL: 404, "user0@example.com": 503 if number == 1 else 200}.get(email, 200)

    client = client_over(ScriptedTransport(script, latency=1.0), retry=policy(base=0.0))
    assert client.stats.finished == client.stats.pending == 0
    await client.lookup(EMAIL)
    await client.lookup_all(emails(3))
    async with client.lookup_many(emails(30)) as going_on:
        single = asyncio.create_task(client.lookup(EMAIL))
        await anext(aiter(going_on))
        await asyncio.gather(single)
        single = asyncio.create_task(client.lookup(EMAIL))
        await asyncio.sleep(0)
        stats = client.stats
        assert stats.outcomes[Outcome.NOT_FOUND] == 2
        assert stats.outcomes[Outcome.OK] == 3 + going_on.stats.outcomes[Outcome.OK]
        assert stats.pending == 1 + going_on.stats.pending
        await single
    assert client.stats.pending == 0
    assert client.stats.retries == 1
    assert client.stats.latency_p50 == pytest.approx(1.0, rel=0.1)


@in_virtual_time
async def test_requests_retries_and_throttles_of_single_lookups_count_and_the_list_does_not():
    client = client_over(ScriptedTransport([503, throttled(1), refused, 200]))
    await client.lookup(EMAIL)
    before = client.stats
    assert (before.requests, before.retries, before.throttles) == (3, 2, 1)
    with pytest.raises(DecodeError):  # an account is no list
        await client.list_accounts()
    assert client.stats.requests == 3
    assert client.stats.finished == 1


@in_virtual_time
async def test_lookups_that_were_cancelled_are_pending_no_more():
    client = client_over(ScriptedTransport([After(5, 200)]))
    task = asyncio.create_task(client.lookup(EMAIL))
    await passes(1)
    assert client.stats.pending == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (client.stats.pending, client.stats.finished) == (0, 0)


@in_virtual_time
async def test_the_figures_stay_when_the_client_is_closed():
    client = client_over(ScriptedTransport())
    await client.lookup_all(emails(4))
    await client.aclose()
    assert client.stats.finished == 4
    with pytest.raises(ConfigurationError):
        await client.lookup(EMAIL)


def test_merged_counters_are_those_of_all_counted_at_once():
    parts, whole = [Counters(), Counters()], Counters()
    for number in range(200):
        for counters in (parts[number % 2], whole):
            counters.requests += number
            counters.latencies.add(0.001 * number)
            counters.reasons.add(Reason("ServerError", 503, f"HTTP 503: after {number} s"))
    total = Counters()
    for part in parts:
        total.merge(part)
    assert total.stats() == whole.stats()
    assert [*total.stats().reasons.values()] == [200]


def test_merged_reasons_stay_in_constant_memory_and_add_up():
    total = Reasons()
    for start in (0, 1000):
        part = Reasons()
        for number in range(start, start + 60):
            part.add(Reason(f"Error{number}", None, "x"))
        total.merge(part)
    counted = total.counted()
    assert len(counted) <= MOST_KINDS + 1
    assert sum(counted.values()) == 120
    assert counted[OTHER] == 120 - MOST_KINDS


def test_speed_is_unknown_before_time_has_passed():
    assert Stats(dict.fromkeys(Outcome, 0), 0, 0, 0, None, None).per_second is None
