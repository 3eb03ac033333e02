"""Promise 33: cancel at every await, and nothing is left behind."""

import asyncio
import random
from pathlib import Path

import pytest
from inside import queued_in, shared_by
from patience import reached

from ltx_async import AttemptFinished, AttemptStarted, Outcome, RetryPolicy

from .replies import account_body, chunk, error, head, ok, reply
from .wire import Pause, in_turn

DESCRIPTORS = Path("/proc/self/fd")
SLEEPY = RetryPolicy(base=0.005, random=lambda: 1.0)


def leisurely(asked):
    """Headers and body in parts with pauses between; one in four is asked to come again."""
    if asked.number % 4 == 3:
        return [Pause(0.001), error(503)]
    body = account_body(asked.email)
    return [
        Pause(0.001),
        head(200, ("Transfer-Encoding", "chunked")),
        Pause(0.001),
        chunk(body[:9]),
        Pause(0.001),
        chunk(body[9:]) + chunk(b""),
    ]


def tasks_but_mine() -> set[asyncio.Task]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def cancelled(task: asyncio.Task) -> bool:
    """Cancel a task; tell whether `CancelledError` came out, and not something else."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


class Open:
    """The attempts that were started and have not finished yet."""

    def __init__(self):
        self.attempts = []
        self.without_end = 0

    def __call__(self, event):
        if isinstance(event, AttemptStarted):
            self.attempts.append((event.email, event.attempt))
        elif isinstance(event, AttemptFinished):
            self.attempts.remove((event.email, event.attempt))
            self.without_end += event.status is event.error is None


@pytest.fixture
def watching():
    return Open()


@pytest.fixture
def pristine(watching):
    """Check that a client is as good as new: no slot taken, no gate closed, nothing in hand."""

    async def check(client, server) -> None:
        assert watching.attempts == []
        assert shared_by(client).limiter.under_way == 0
        assert not queued_in(client)
        server.answer = ok
        lookups = await client.lookup_many(f"{number}@example.org" for number in range(20))
        assert all(lookup.outcome is Outcome.OK for lookup in lookups)
        assert (await client.lookup("ann@example.org")).outcome is Outcome.OK

    return check


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_lookup_cancelled_at_any_moment_leaves_nothing(
    serve, connect, pristine, watching, concurrency
):
    draw = random.Random(33)
    server = await serve(leisurely)
    client = connect(server, concurrency=concurrency, retry=SLEEPY, on_event=watching)
    await client.lookup("first@example.com")
    before = tasks_but_mine()
    count = 0

    async def one() -> None:
        nonlocal count
        task = asyncio.create_task(client.lookup("ann@example.com"))
        await asyncio.sleep(draw.random() * 0.012)
        if not task.done():
            count += 1
            assert await cancelled(task) or task.done()

    for _ in range(100):
        await asyncio.gather(*[one() for _ in range(10)])
    assert count > 500
    assert not [task for task in tasks_but_mine() - before if task.get_coro().__name__ == "lookup"]
    await pristine(client, server)
    assert server.open <= concurrency + 1


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_lookup_cancelled_after_each_turn_of_the_loop_leaves_nothing(
    serve, connect, pristine, watching, concurrency
):
    server = await serve(lambda asked: ok(asked) if asked.number % 3 else [error(503)])
    client = connect(
        server, concurrency=concurrency, retry=RetryPolicy(base=0.0005), on_event=watching
    )
    count = 0
    for turns in range(1000):
        tasks = [asyncio.create_task(client.lookup("ann@example.com")) for _ in range(2)]
        for _ in range(turns % 20):
            await asyncio.sleep(0)
        for task in tasks:
            if not task.done():
                count += 1
                assert await cancelled(task)
    assert count > 100
    assert watching.without_end > 10
    await pristine(client, server)


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_run_cancelled_at_any_moment_leaves_nothing(
    serve, connect, pristine, watching, concurrency
):
    draw = random.Random(34)
    server = await serve(leisurely)
    client = connect(server, concurrency=concurrency, retry=SLEEPY, on_event=watching)
    before = tasks_but_mine()

    async def run() -> None:
        async with client.lookup_many(f"{n}@example.com" for n in range(100)) as lookups:
            async for _ in lookups:
                await asyncio.sleep(0)

    for _ in range(100):
        task = asyncio.create_task(run())
        await asyncio.sleep(draw.random() * 0.01)
        assert await cancelled(task)
        left = {task for task in tasks_but_mine() - before if "_work" in repr(task.get_coro())}
        assert not left
    await pristine(client, server)


async def test_a_lookup_cancelled_while_connecting_leaves_nothing(
    serve, connect, pristine, certified, trusting
):
    context = certified()
    server = await serve(ok, tls=lambda _connection: context, scheme="https")
    client = connect(server, concurrency=2, ssl=trusting)
    for turns in range(60):
        task = asyncio.create_task(client.lookup("ann@example.com"))
        for _ in range(turns):
            await asyncio.sleep(0)
        if not task.done():
            assert await cancelled(task)
    await pristine(client, server)
    assert server.open <= 2


async def test_a_lookup_cancelled_in_the_middle_closes_its_connection(serve, connect):
    server = await serve(lambda asked: [head(200, ("Content-Length", "9")), Pause(5)])
    client = connect(server, concurrency=1)
    task = asyncio.create_task(client.lookup("ann@example.com"))
    while not server.bytes_sent:
        await asyncio.sleep(0.005)
    assert await cancelled(task)
    server.answer = ok
    async with asyncio.timeout(1):  # nobody waits for the rest of what was cancelled
        assert (await client.lookup("bob@example.com")).outcome is Outcome.OK
    assert [asked.connection for asked in server.asked] == [0, 1]


async def test_a_gate_that_closes_keeps_nobody_from_cancelling(serve, connect, pristine):
    server = await serve(lambda asked: [error(429, retry_after=0.3)])
    client = connect(server, concurrency=1)
    tasks = [asyncio.create_task(client.lookup("ann@example.com")) for _ in range(5)]
    await asyncio.sleep(0.05)
    for task in tasks:
        assert await cancelled(task)
    await pristine(client, server)


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts descriptors in /proc")
async def test_a_thousand_cancelled_lookups_leave_no_descriptor(serve, connect):
    server = await serve(leisurely)
    client = connect(server, concurrency=5, retry=SLEEPY)
    before = len(list(DESCRIPTORS.iterdir()))
    for _ in range(100):
        tasks = [asyncio.create_task(client.lookup(f"{n}@example.com")) for n in range(10)]
        await asyncio.sleep(0.002)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await client.aclose()
    await reached(lambda: len(list(DESCRIPTORS.iterdir())) <= before + 2)  # the server's as well


async def test_a_list_that_nobody_waits_for_any_more_is_read_no_further(serve, connect, slow_list):
    server = await serve(in_turn([reply(200, b" " * 100_000)]))
    listing = asyncio.create_task(connect(server).list_accounts())
    await reached(lambda: slow_list.read)
    assert await cancelled(listing)
    await reached(lambda: slow_list.ended)
    assert slow_list.read < 3_000
