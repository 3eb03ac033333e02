"""What the short way through a run cannot finish ends as it does on the long one.

Whatever answers the second of three emails: results, counters and requests are those of a run
that has no short way.
"""

import asyncio
import contextvars
import itertools

import pytest
from inside import shared_by

from ltx_async import LTXError, Outcome, RetryPolicy
from ltx_async.codec import account_target
from ltx_async.engine.bulk.short_way import ShortWay
from ltx_async.engine.retry_loop import RetryLoop
from ltx_async.transport.direct import DirectTransport
from ltx_async.transport.direct_connection import DirectConnection

from .replies import account_body, head, ok, reply
from .test_a_statuses import CASES
from .test_b_bodies import ENCODED, SLIGHTLY
from .test_b_framing import BROKEN, ENDED_BY_THE_CONNECTION, HIDDEN, WHOLE_ONES
from .test_c_bodies import NO_ACCOUNTS
from .wire import CLOSE, HANG, RESET

POLICY = RetryPolicy(attempts=2, base=0, throttles=1, throttle_base=0, retry_after_cap=0.01)
EMAILS = ["ann@example.com", "bob@example.com", "cat@example.com"]
BOB = account_body("bob@example.com")
ANSWERS = {
    "whole": [reply(200, BOB)],
    "in pieces": [reply(200, BOB)[:40], reply(200, BOB)[40:]],
    "needs to sign in": [reply(200, account_body("bob@example.com", error="expired"))],
    "another account": [reply(200, account_body("eve@example.com"))],
    "another case": [reply(200, account_body("BOB@example.com"))],
    "long": [reply(200, account_body("bob@example.com", note="x" * 100_000))],
    "closed": [CLOSE],
    "reset": [RESET],
    "silent": [HANG],
    "half, then silent": [reply(200, BOB)[:-3], HANG],
    "no account, to the end of the connection": [head(200) + BOB[:-1], CLOSE],
    **{f"status {status}": [reply(status, b"{}")] for status, *_ in CASES},
    "a throttle with a wait": [reply(429, b"{}", ("Retry-After", "0.005"))],
    "a wait over the cap": [reply(429, b"{}", ("Retry-After", "60"))],
    "HTML for a 404": [reply(404, b"<html>")],
    **{f"body: {name}": [reply(200, body)] for name, body in NO_ACCOUNTS.items()},
    **{f"coded: {name}": [reply(200, body, ("Content-Encoding", coding))]
       for name, (coding, body) in ENCODED.items() if name != "a bomb"},
    **{f"broken: {name}": script for name, script in BROKEN.items()},
    **{f"hidden: {name}": [b"\r\n" + whole, CLOSE] for name, whole in HIDDEN.items()},
    **{f"404: {name}": [head(404) + body, end]
       for name, (body, end, _) in ENDED_BY_THE_CONNECTION.items()},
    **{f"over the cap: {name}": script() for name, script in SLIGHTLY.items()},
    **{f"unusual: {name}": script for name, script in WHOLE_ONES.items()},
}  # fmt: skip


@pytest.fixture
def transport():
    return "direct"


async def run(connect, server, emails=EMAILS, **options):
    """Look emails up one after the other; return what came of it, to be compared."""
    client = connect(server, concurrency=1, retry=POLICY, **options)
    lookups, end = [], None
    async with client.lookup_many(emails) as running:
        try:
            lookups = [lookup async for lookup in running]
        except LTXError as error:
            end = error
        stats, pending = running.stats, running.pending()
    shared = shared_by(client)
    assert shared.limiter.under_way == 0
    for one in lookups:
        assert one.base_url == (client.base_url if one.attempts else None)
    return {
        "lookups": [
            (one.index, one.email, one.outcome, one.account, one.status, one.attempts)
            for one in lookups
        ],
        "errors": [(type(one.error), str(one.error)) for one in lookups],
        "end": (type(end), str(end)),
        "pending": pending,
        "counted": (stats.outcomes, stats.requests, stats.retries, stats.throttles, stats.reasons),
        "budget": shared.budget.available,
        "outage": (shared.outage.replies, shared.outage.answers, shared.outage.lasts),
        "asked": [(asked.email, asked.connection) for asked in server.asked],
    }


def answering(script, times=3):
    """Answer the second email so often by a script: a run waits two minutes for a 429 to end."""
    left = itertools.repeat(script, times)
    return lambda asked: (asked.email == EMAILS[1] and next(left, None)) or ok(asked)


@pytest.mark.parametrize("script", ANSWERS.values(), ids=ANSWERS.keys())
async def test_what_is_not_plain_ends_as_on_the_long_way(serve, connect, monkeypatch, script):
    timeout = 0.5 if HANG in script else 30.0  # a busy machine is silent at times, too
    short = await run(connect, await serve(answering(script)), timeout=timeout)
    monkeypatch.setattr(DirectTransport, "post", None)
    long = await run(connect, await serve(answering(script)), timeout=timeout)
    assert short == long


async def test_all_but_the_first_are_finished_on_the_short_way(serve, connect, monkeypatch):
    loops, whole = [], RetryLoop.result
    monkeypatch.setattr(
        RetryLoop, "result", lambda self, **kw: loops.append(self.email) or whole(self, **kw)
    )
    emails = [f"{number}@example.com" for number in range(50)]
    server = await serve(ok)
    came = await run(connect, server, emails)
    assert [email for _, email, outcome, *_ in came["lookups"] if outcome is Outcome.OK] == emails
    assert loops == emails[:1]
    assert server.connections == 1


@pytest.mark.parametrize("emails", [["", "no-at"], [None, 7]], ids=["not sendable", "no text"])
async def test_what_cannot_be_sent_is_invalid_and_its_neighbours_are_answered(
    serve, connect, emails
):
    came = await run(connect, await serve(ok), [EMAILS[0], *emails, EMAILS[1]])
    outcomes = [outcome for _, _, outcome, *_ in came["lookups"]]
    assert outcomes == [Outcome.OK, Outcome.INVALID, Outcome.INVALID, Outcome.OK]


async def test_whoever_wants_events_is_told_of_every_attempt(serve, connect):
    events = []
    await run(connect, await serve(ok), on_event=events.append)
    assert [type(event).__name__ for event in events] == [
        "AttemptStarted", "AttemptFinished", "LookupFinished",
    ] * 3  # fmt: skip


async def test_header_fields_of_one_attempt_are_sent_with_each(serve, connect):
    server = await serve(ok)
    await run(connect, server, headers=lambda attempt: {"X-Who": attempt.email})
    assert [asked.values("x-who") for asked in server.asked] == [[email] for email in EMAILS]


async def test_the_source_is_asked_in_the_context_of_the_run(serve, connect):
    name = contextvars.ContextVar("name")
    seen = []

    def emails():
        for email in EMAILS:
            seen.append(name.get())
            yield email

    client = connect(await serve(ok), concurrency=1)
    for run_name in ("first", "second"):  # over one connection, which the first run has opened
        name.set(run_name)
        await client.lookup_many(emails())
    assert seen == ["first"] * 3 + ["second"] * 3


async def test_what_the_source_raises_ends_the_run_with_it(serve, connect):
    def emails():
        yield from EMAILS[:2]
        raise LookupError("no more")

    client = connect(await serve(ok), concurrency=1)
    lookups = client.lookup_many(emails())
    with pytest.raises(LookupError, match="no more"):
        await lookups
    assert [lookup.email for lookup in lookups.delivered] == EMAILS[:2]
    assert (await client.lookup("cat@example.com")).outcome is Outcome.OK


async def test_leaving_early_closes_what_is_under_way_and_gives_its_slot_back(serve, connect):
    server = await serve(answering([HANG]))
    client = connect(server, concurrency=1)
    async with client.lookup_many(EMAILS) as running:
        await anext(running)
        while server.requests < 2:
            await asyncio.sleep(0.01)
    assert shared_by(client).limiter.under_way == 0
    assert (await client.lookup("cat@example.com")).outcome is Outcome.OK
    assert server.connections == 2


async def test_a_client_that_is_closed_meanwhile_ends_the_run(serve, connect):
    server = await serve(answering([HANG]))
    client = connect(server, concurrency=1)
    running = asyncio.create_task(client.lookup_all(EMAILS))
    while server.requests < 2:
        await asyncio.sleep(0.01)
    await client.aclose()
    with pytest.raises(LTXError, match="closed"):
        await running


async def test_a_reply_that_comes_while_its_worker_is_cancelled_changes_nothing(serve, connect):
    """The connection is idle again then, and may carry the request of somebody else."""
    client = connect(await serve(ok), concurrency=1)
    shared = shared_by(client)
    waiting = []

    def post(request, timeout, on_reply):
        waiting.append(on_reply)
        return lambda: waiting.append("given up")

    await client.lookup(EMAILS[0])
    way = ShortWay(
        shared, client.lookup_many([])._workers.bounds, client.lookup_many([])._run, post,
        take=iter(EMAILS).__next__, note=EMAILS.index, finish=pytest.fail,
    )  # fmt: skip
    worker = asyncio.create_task(way.go())
    await asyncio.sleep(0)
    worker.cancel()
    waiting[0](LTXError("whatever"))
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert (len(waiting), shared.limiter.under_way) == (1, 0)


async def test_who_is_cancelled_with_its_reply_leaves_the_connection_to_the_next(serve, connect):
    client = connect(await serve(ok))
    transport = shared_by(client).transport
    await client.lookup(EMAILS[0])
    replies = asyncio.Queue()
    cancelled = asyncio.create_task(transport.send(account_target(EMAILS[1]), 5.0))
    await asyncio.sleep(0)
    while not transport._idle:  # as soon as the reply is there, and before the task runs again
        await asyncio.sleep(0)
    transport.post(account_target(EMAILS[2]), 5.0, replies.put_nowait)
    cancelled.cancel()
    assert (await asyncio.wait_for(replies.get(), 5)).status == 200


async def test_who_is_cancelled_before_its_reply_leaves_the_connection_to_the_next(
    serve, connect, monkeypatch
):
    """The reply may come between the cancellation and the task's next step."""
    client = connect(await serve(ok))
    transport = shared_by(client).transport
    await client.lookup(EMAILS[0])
    replies = asyncio.Queue()
    cancelled = asyncio.create_task(transport.send(account_target(EMAILS[1]), 5.0))
    await asyncio.sleep(0)
    complete = DirectConnection._complete

    def completed(connection, status, *, delimited):
        monkeypatch.undo()
        cancelled.cancel()
        complete(connection, status, delimited=delimited)
        transport.post(account_target(EMAILS[2]), 5.0, replies.put_nowait)

    monkeypatch.setattr(DirectConnection, "_complete", completed)
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert (await asyncio.wait_for(replies.get(), 5)).status == 200


async def test_a_source_that_runs_out_in_the_wrong_way_ends_the_run(serve, connect):
    """No future takes a StopIteration."""

    class Source:
        def __init__(self):
            self.emails = iter(EMAILS)

        def __aiter__(self):
            return self

        async def __anext__(self):
            await asyncio.Event().wait()

        def at_hand(self):
            return next(self.emails)

    client = connect(await serve(ok), concurrency=1)
    lookups = client.lookup_many(Source())
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(lookups, 5)
    assert [lookup.email for lookup in lookups.delivered] == EMAILS


class Text(str):
    """A string of another library, as `numpy.str_` is."""

    __slots__ = ()


async def test_emails_of_a_kind_of_str_come_back_as_str(serve, connect):
    client = connect(await serve(ok), concurrency=1)
    lookups = await client.lookup_many([Text(email) for email in EMAILS])
    assert [(lookup.email, type(lookup.email)) for lookup in lookups] == [
        (email, str) for email in EMAILS
    ]


@pytest.mark.parametrize("transport", ["direct", "session"])
async def test_a_run_that_is_stopped_while_it_waits_for_its_consumer_ends(serve, connect):
    client = connect(await serve(ok), concurrency=2)
    emails = [f"{number}@example.com" for number in range(50)]
    async with client.lookup_many(emails) as run:
        await anext(run)
        while run.stats.finished < 5:  # the first, and as many as may wait
            await asyncio.sleep(0.01)
        run.stop()
        await asyncio.sleep(0.01)  # the workers find out before there is room
        assert [lookup.outcome async for lookup in run] == [Outcome.OK] * 4
