"""Promise 9: the deadline holds whatever a lookup waits for, and in a run it is fair."""

import asyncio
import itertools
import statistics

import pytest
from patience import in_time, reached, unhurried

from ltx_async import DeadlineError, Outcome, RetryPolicy, ServerError

from .replies import error, ok, reply
from .wire import HANG, Pause, in_turn

CLOCK = 0.002  # uvloop counts in milliseconds
EMAILS = [f"{number}@example.com" for number in range(12)]


@pytest.fixture
def timed():
    """Await something, and tell how long that took."""

    async def measure(awaitable):
        loop = asyncio.get_running_loop()
        began = loop.time()
        return await awaitable, loop.time() - began

    return measure


async def test_the_deadline_cuts_an_attempt_short(serve, connect, timed):
    server = await serve(in_turn([HANG]))
    lookup, seconds = await timed(connect(server).lookup("ann@example.com", deadline=0.2))
    assert isinstance(lookup.error, DeadlineError)
    assert seconds >= 0.2 - CLOCK
    assert in_time(seconds, 1.2)
    assert server.requests == lookup.attempts == 1


async def test_the_deadline_covers_several_attempts(serve, connect, timed):
    server = await serve(in_turn([HANG]))
    client = connect(server, timeout=0.4, retry=RetryPolicy(attempts=100, base=0.001))
    lookup, seconds = await timed(client.lookup("ann@example.com", deadline=1.4))
    assert isinstance(lookup.error, DeadlineError)
    assert seconds >= 1.39
    assert in_time(seconds, 2.4)
    assert 2 <= lookup.attempts <= 4  # a timeout may be seen to a bit late
    assert server.requests in {lookup.attempts, lookup.attempts - 1}  # the last was just sent


async def test_the_deadline_covers_the_reading_of_a_long_list(serve, connect, slow_list):
    server = await serve(in_turn([reply(200, b" " * 100_000)]))
    with pytest.raises(DeadlineError) as caught:
        await connect(server, deadline=unhurried(0.5)).list_accounts()
    assert "97 KiB came, and was not read in time" in str(caught.value)
    await reached(lambda: slow_list.ended)
    assert slow_list.read < 3_000
    assert server.requests == 1


async def test_the_deadline_covers_sleeps_and_a_hopeless_retry_is_not_started(
    serve, connect, timed
):
    server = await serve(in_turn([error(503)]))
    client = connect(server, retry=RetryPolicy(base=10, random=lambda: 0.5))
    lookup, seconds = await timed(client.lookup("ann@example.com", deadline=1.0))
    assert isinstance(lookup.error, DeadlineError)
    assert isinstance(lookup.error.last_error, ServerError)
    assert in_time(seconds, 0.9)
    assert server.requests == 1


async def test_the_deadline_covers_the_wait_that_a_throttle_asks_for(serve, connect, timed):
    server = await serve(in_turn([error(429, retry_after=30)]))
    lookup, seconds = await timed(connect(server).lookup("ann@example.com", deadline=1.0))
    assert isinstance(lookup.error, DeadlineError)
    assert in_time(seconds, 0.9)
    assert server.requests == 1


async def test_the_deadline_of_a_single_lookup_covers_its_turn_in_the_queue(serve, connect, timed):
    server = await serve(in_turn([Pause(0.5), HANG]))
    client = connect(server, concurrency=1)
    holder = asyncio.create_task(client.lookup("ann@example.com", deadline=1.0))
    await asyncio.sleep(0.05)
    lookup, seconds = await timed(client.lookup("bob@example.com", deadline=0.1))
    assert isinstance(lookup.error, DeadlineError)
    assert seconds >= 0.1 - CLOCK
    assert in_time(seconds, 1.0)
    assert lookup.attempts == 0
    await holder
    assert server.times_asked("bob@example.com") == 0


async def test_a_deadline_that_ends_in_the_queue_tells_how_the_last_attempt_ended(serve, connect):
    server = await serve(lambda asked: [HANG] if "bob" in asked.email else [error(503)])
    client = connect(server, concurrency=1, retry=RetryPolicy(base=0.05, random=lambda: 1.0))
    ann = asyncio.create_task(client.lookup("ann@example.com", deadline=0.8))
    await asyncio.sleep(0)
    bob = asyncio.create_task(client.lookup("bob@example.com", timeout=1.2, deadline=1.2))
    lookup = await ann
    assert isinstance(lookup.error, DeadlineError)
    assert isinstance(lookup.error.last_error, ServerError)
    await bob


async def test_a_slow_pace_never_fails_a_healthy_email_of_a_run(serve, connect, timed):
    server = await serve(ok)
    client = connect(server, rate=10, deadline=1.0)
    lookups, seconds = await timed(client.lookup_many(EMAILS))
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert 1.0 < 11 / 10 <= seconds + CLOCK
    assert server.requests == len(EMAILS)


async def test_the_pace_is_even(serve, connect):
    server = await serve(ok)
    began = asyncio.get_running_loop().time()
    await connect(server, rate=10).lookup_many(EMAILS)
    arrivals = [asked.at for asked in server.asked]
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrivals)]
    assert statistics.median(gaps) >= 0.07
    assert arrivals[-1] - began >= 11 / 10 - 0.1  # the first may arrive late


async def test_a_long_gate_never_fails_a_healthy_email_of_a_run(serve, connect):
    told = [error(429, retry_after=1.0)]
    # Slower than the clock of the time limits is fine, so that one that has passed would show.
    server = await serve(lambda asked: told if asked.number == 5 else [Pause(0.15), *ok(asked)])
    policy = RetryPolicy(throttle_base=0.001)
    lookups = await connect(server, concurrency=3, deadline=0.8, retry=policy).lookup_many(EMAILS)
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert server.requests == len(EMAILS) + 1


async def test_the_timeout_bounds_one_attempt_from_its_slot_on(serve, connect):
    server = await serve(lambda asked: [Pause(0.25), *ok(asked)])
    client = connect(server, concurrency=1, timeout=1.0)
    lookups = await asyncio.gather(*map(client.lookup, EMAILS[:5]))
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert server.requests == 5


async def test_what_a_lookup_took_is_told_in_fractions_of_a_millisecond(serve, connect):
    server = await serve(ok)
    lookups = await connect(server).lookup_many(EMAILS)
    assert any(1 < lookup.elapsed * 1e6 % 1e3 < 999 for lookup in lookups)
