"""Promises 5 and 6: retries never multiply the load on a server in trouble."""

import asyncio
import random
from collections import Counter

import pytest
from inside import shared_by

from ltx_async import OutageRule, Outcome, RetryPolicy, ServiceUnavailableError

from .replies import error, ok
from .wire import HANG, in_turn

SEQUENCES = [
    (500, [500, 500, 200], Outcome.OK, 3, 495),
    (500, [502, 502, 502], Outcome.FAILED, 3, 490),
    (500, [200], Outcome.OK, 1, 500),
    (500, [429, 200], Outcome.OK, 2, 500),
    (500, [429, 500, 200], Outcome.OK, 3, 500),
    (500, ["hang", 200], Outcome.OK, 2, 500),
    (500, ["hang", "hang", 500], Outcome.FAILED, 3, 480),
    (500, ["hang", 500, 200], Outcome.OK, 3, 495 - 5),
    (5, [500, 502], Outcome.FAILED, 2, 0),
    (9, ["hang", 200], Outcome.FAILED, 1, 9),
    (0, [500], Outcome.FAILED, 1, 0),
    (0, [429, 200], Outcome.OK, 2, 0),
]


def script(step, asked):
    if step == "hang":
        return [HANG]
    return ok(asked) if step == 200 else [error(step)]


@pytest.mark.parametrize("sequence", SEQUENCES)
async def test_the_budget_is_exact_on_the_wire(serve, connect, sequence):
    capacity, steps, outcome, requests, left = sequence
    server = await serve(lambda asked: script(steps[asked.number], asked))
    policy = RetryPolicy(budget=capacity, base=0.001, throttle_base=0.001)
    client = connect(server, retry=policy, timeout=0.8 if "hang" in steps else 5.0)
    lookup = await client.lookup("ann@example.com")
    assert (lookup.outcome, server.requests) == (outcome, requests)
    assert shared_by(client).budget.available == left


async def test_the_budget_stays_within_its_bounds_under_fifty_tasks(serve, connect):
    draw = random.Random(5)
    server = await serve(lambda asked: script(draw.choice([200, 500]), asked))
    client = connect(server, concurrency=50, retry=RetryPolicy(budget=40, base=0.001))
    budget, seen = shared_by(client).budget, set()

    async def ask(number: int) -> None:
        for turn in range(4):
            await client.lookup(f"{number}.{turn}@example.com")
            seen.add(budget.available)

    await asyncio.gather(*map(ask, range(50)))
    assert min(seen) >= 0
    assert max(seen) <= 40
    assert len(seen) > 5


async def test_a_total_outage_costs_a_thousand_lookups_at_most_1_100_requests(serve, connect):
    server = await serve(in_turn([error(500)]))
    client = connect(server)
    async with asyncio.timeout(20):
        lookups = await asyncio.gather(*(client.lookup(f"{n}@example.com") for n in range(1000)))
    assert all(lookup.outcome is Outcome.FAILED for lookup in lookups)
    assert 1000 <= server.requests <= 1100


async def test_a_total_outage_ends_a_run_of_a_thousand_after_few_requests(serve, connect):
    server = await serve(in_turn([error(500)]))
    client = connect(server, outage=OutageRule(patience=1.0, probe_base=0.02, probe_cap=0.1))
    run = client.lookup_many(f"{n}@example.com" for n in range(1000))
    async with asyncio.timeout(20):
        with pytest.raises(ServiceUnavailableError) as caught:
            await run
    assert caught.value.last_error.status == 500
    assert run.delivered == ()
    assert server.requests <= 3 * 39 + 30


async def test_a_server_that_is_overloaded_for_ever_is_asked_rarely_and_the_run_ends(
    serve, connect
):
    server = await serve(in_turn([error(503)]))
    client = connect(server, outage=OutageRule(patience=1.0))
    run = client.lookup_many(f"{n}@example.com" for n in range(1000))
    async with asyncio.timeout(20):
        with pytest.raises(ServiceUnavailableError) as caught:
            await run
    assert caught.value.last_error.status == 503
    assert len(run.delivered) <= 10  # those that failed before there were many
    assert server.requests <= 100


@pytest.mark.parametrize(
    "emails", [2_000, pytest.param(20_000, marks=pytest.mark.soak)], ids="{}".format
)
async def test_one_503_in_ten_costs_little_and_fails_almost_nobody(serve, connect, emails):
    turns = Counter()

    def answer(asked):
        # Drawn by email and turn, so that the order of arrival changes nothing.
        turns[asked.email] += 1
        draw = random.Random(f"{asked.email} {turns[asked.email]}").random()
        return script(503 if draw < 0.1 else 200, asked)

    server = await serve(answer)
    answered = 0
    async with connect(server).lookup_many(f"{n}@example.com" for n in range(emails)) as lookups:
        async for lookup in lookups:
            answered += lookup.outcome is Outcome.OK
    assert answered >= 0.998 * emails
    assert server.requests <= 1.12 * emails
