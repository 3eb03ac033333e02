"""Promise 8: who is told to wait waits, and who is told nonsense is not confused."""

import asyncio
import time

import pytest
from patience import in_time, reached, slowness

from ltx_async import Outcome, RateLimitError, RetryPolicy, ServerError

from .replies import error, ok, reply
from .wire import Pause, in_turn

PATIENT = RetryPolicy(base=0.001, throttle_base=0.001)
EMAILS = [f"{number}@example.com" for number in range(40)]
DATE = ("Date", "Tue, 05 Jan 1999 10:00:00 GMT")  # a clock that is decades wrong
A_SECOND = [
    [("Retry-After", "1")],
    [DATE, ("Retry-After", "Tue, 05 Jan 1999 10:00:01 GMT")],
    [DATE, ("Retry-After", "Tuesday, 05-Jan-99 10:00:01 GMT")],
    [DATE, ("Retry-After", "Tue Jan  5 10:00:01 1999")],
    [("Retry-After", "1.0")],
    [("Retry-After", "0.9999")],
    [("Retry-After", "0.99"), ("Retry-After-Ms", "1000")],
    [DATE, ("Retry-After", "Tue, 05 Jan 1999 10:00:01 UTC")],
    [DATE, ("Retry-After", "Tue, 05 Jan 1999 10:00:01 +0000")],
    [DATE, ("Retry-After", "Tue, 05 Jan 1999 10:00:01 -0000")],
    [DATE, ("Retry-After", "1999-01-05T10:00:01Z")],
]


async def test_no_request_is_earlier_than_any_form_of_the_header_tells(serve, connect):
    async def wait_between(status, headers) -> float:
        server = await serve(
            lambda asked: ok(asked) if asked.number else [reply(status, b"", *headers)]
        )
        lookup = await connect(server, retry=PATIENT).lookup("ann@example.com")
        assert (lookup.outcome, server.requests) == (Outcome.OK, 2)
        return server.asked[1].at - server.sent_at[0]

    cases = [wait_between(status, headers) for status in (429, 503) for headers in A_SECOND]
    waits = await asyncio.gather(*cases)
    assert all(0.99 <= wait < 1.9 for wait in waits), waits


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "fields",
    [{"retry_after": 0.2}, {"retryAfter": "0.2"}, {"error": {"code": 1, "retry_after": 0.2}}],
)
async def test_no_request_is_earlier_than_the_body_tells(serve, connect, status, fields):
    server = await serve(lambda asked: ok(asked) if asked.number else [error(status, **fields)])
    lookup = await connect(server, retry=PATIENT).lookup("ann@example.com")
    assert (lookup.outcome, server.requests) == (Outcome.OK, 2)
    took = server.asked[1].at - server.sent_at[0]
    assert took >= 0.199
    assert in_time(took, 1)


async def test_all_workers_wait_and_no_herd_starts_when_the_gate_opens(serve, connect):
    throttle = [error(429, retry_after=1.0)]
    server = await serve(lambda asked: throttle if asked.number == 0 else [Pause(0.02), *ok(asked)])
    lookups = await connect(server, concurrency=8, retry=PATIENT).lookup_many(EMAILS)
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert server.requests == len(EMAILS) + 1
    told = server.sent_at[0]
    later = [asked for asked in server.asked if asked.at > told + 0.5]
    assert server.requests - len(later) <= 8  # those were in flight when the gate closed
    assert later[0].at >= told + 0.999
    # One request at first, and the next only after its answer; then two; then four.
    assert later[1].at >= server.sent_at[later[0].number]
    assert later[3].at >= min(server.sent_at[asked.number] for asked in later[1:3])


async def test_a_503_that_tells_to_wait_delays_that_lookup_alone(serve, connect):
    told = [error(503, retry_after=1.0)]
    server = await serve(lambda asked: told if asked.number == 0 else ok(asked))
    lookups = await connect(server, concurrency=4, retry=PATIENT).lookup_many(EMAILS)
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    *others, last = [asked.at - server.sent_at[0] for asked in server.asked]
    assert last >= 0.999
    assert server.asked[-1].email == server.asked[0].email
    assert in_time(max(others), 0.9)
    assert server.requests == len(EMAILS) + 1


async def test_over_the_cap_nobody_sleeps_and_further_lookups_fail_at_once(serve, connect):
    server = await serve(in_turn([error(429, retry_after=3600)]))
    client = connect(server)
    began = asyncio.get_running_loop().time()
    first = await client.lookup("ann@example.com")
    second = await client.lookup("bob@example.com")
    assert in_time(asyncio.get_running_loop().time() - began, 1)
    assert server.requests == 1
    for lookup in (first, second):
        assert isinstance(lookup.error, RateLimitError)
        assert 3590 < lookup.error.retry_after < 3601
    assert (first.attempts, second.attempts) == (1, 0)


async def test_over_the_cap_a_further_run_ends_at_once_with_everything_pending(serve, connect):
    server = await serve(in_turn([error(429, retry_after=3600)]))
    client = connect(server)
    await client.lookup("ann@example.com")
    run = client.lookup_many(EMAILS)
    with pytest.raises(RateLimitError) as caught:
        await run
    assert 3590 < caught.value.retry_after < 3601
    assert run.delivered == ()
    assert server.requests == 1


async def test_over_the_cap_a_503_ends_that_lookup_alone(serve, connect):
    told = [error(503, retry_after=3600)]
    server = await serve(lambda asked: told if asked.email == "3@example.com" else ok(asked))
    lookups = await connect(server, concurrency=4).lookup_many(EMAILS)
    failed = [lookup for lookup in lookups if lookup.outcome is Outcome.FAILED]
    assert [(lookup.index, type(lookup.error)) for lookup in failed] == [(3, ServerError)]
    assert server.requests == len(EMAILS)


JUNK = ["", "abc", "-1", "1e3", "nan", "inf", "3600;x", "9" * 35, "Tue, 31 Feb 2099 10:00:00 GMT"]
JUNK += ["-3600.5", "3600.", "9" * 11 + ".5", "2099-02-31T00:00:00Z", "\xd9\xa1.\xd9\xa1"]
JUNK += ["Tue, 05 Jan 2099 25:00:00 GMT", "0x10", "3600, 3600", "\xd9\xa1\xd9\xa1", "\xb2", "+9"]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers", [*[[junk] for junk in JUNK], ["3600", "3600"], ["9", "x"], ["4.5", "4.5"]]
)
async def test_junk_in_retry_after_is_ignored(serve, connect, status, headers):
    told = [reply(status, b"", *[("Retry-After", value) for value in headers])]
    server = await serve(lambda asked: ok(asked) if asked.number else told)
    lookup = await connect(server, retry=PATIENT).lookup("ann@example.com")
    assert (lookup.outcome, server.requests) == (Outcome.OK, 2)
    assert in_time(server.asked[1].at - server.sent_at[0], 1)


async def test_throttles_have_their_own_bound(serve, connect):
    server = await serve(in_turn([error(429)]))
    policy = RetryPolicy(attempts=1, throttles=4, throttle_base=0.001, base=0.001, cap=0.002)
    lookup = await connect(server, retry=policy).lookup("ann@example.com")
    assert isinstance(lookup.error, RateLimitError)
    assert server.requests == lookup.attempts == 5


@pytest.mark.parametrize("jump", [-86_400, 86_400])
async def test_waits_survive_a_jump_of_the_wall_clock(serve, connect, monkeypatch, jump):
    told = [error(429, retry_after=0.3)]
    server = await serve(lambda asked: ok(asked) if asked.number else told)
    waiting = asyncio.create_task(connect(server, retry=PATIENT).lookup("ann@example.com"))
    await reached(lambda: server.sent_at)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    assert (await waiting).outcome is Outcome.OK
    took = server.asked[1].at - server.sent_at[0]
    assert took >= 0.299
    assert in_time(took, 1)


STATES = {
    "t of RateLimit": [("RateLimit", '"default";r=0;t=1')],
    "RateLimit-Reset": [("RateLimit-Remaining", "0"), ("RateLimit-Reset", "1")],
    "X-RateLimit-Reset": [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1")],
}


@pytest.mark.parametrize("state", STATES)
async def test_where_retry_after_is_missing_the_reset_of_a_limit_counts(serve, connect, state):
    server = await serve(
        lambda asked: ok(asked) if asked.number else [reply(429, b"", *STATES[state])]
    )
    lookup = await connect(server, retry=PATIENT).lookup("ann@example.com")
    assert (lookup.outcome, server.requests) == (Outcome.OK, 2)
    assert server.asked[1].at - server.sent_at[0] >= 0.99


async def test_a_rate_that_is_stated_with_a_429_is_kept_to(serve, connect):
    states = ("RateLimit-Policy", '"default";q=40;w=1')
    server = await serve(lambda asked: ok(asked) if asked.number else [reply(429, b"", states)])
    run = connect(server, retry=PATIENT, concurrency=5).lookup_many(EMAILS)
    assert {lookup.outcome for lookup in await run} == {Outcome.OK}
    assert 30 / slowness() < run.stats.pace <= 40  # at a late timer less is sent
    later = [asked.at for asked in server.asked[10:]]
    assert (len(later) - 1) / (later[-1] - later[0]) <= 40 * 1.1


async def test_a_429_for_ever_ends_the_run_with_the_rest_pending(serve, connect, monkeypatch):
    """Two minutes beyond what was told, and here some tenths of a second."""
    monkeypatch.setattr("ltx_async.engine.follow_up._PATIENCE", 0.3)
    server = await serve(lambda asked: ok(asked) if asked.number < 5 else [error(429)])
    policy = RetryPolicy(throttle_base=0.05, retry_after_cap=0.2)
    run = connect(server, retry=policy, concurrency=5).lookup_many(EMAILS)
    async with asyncio.timeout(20):
        with pytest.raises(RateLimitError, match="every request was refused"):
            await run
    assert {lookup.outcome for lookup in run.delivered} == {Outcome.OK}
    assert len(run.delivered) == 5
    assert run.stats.pending > 0  # those that were taken; nobody failed
    assert server.requests <= 30
