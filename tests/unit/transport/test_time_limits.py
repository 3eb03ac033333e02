"""What ends at a time limit, and whose cancellation that is."""

import asyncio
import contextlib
import socket
import time

import pytest

from ltx_async.transport import time_limits
from ltx_async.transport.time_limits import TimeLimits


@pytest.fixture
async def limits():
    limits = TimeLimits()
    yield limits
    limits.stop()


async def test_a_block_whose_time_is_up_is_a_timeout_and_the_task_goes_on(limits):
    with pytest.raises(TimeoutError), limits.limit(0.001):
        await asyncio.sleep(60)
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_a_block_that_ends_in_time_is_watched_no_longer(limits):
    with limits.limit(60):
        assert len(limits.attempts) == 1
    assert not limits.attempts


@pytest.mark.parametrize("cancelled_first", [False, True])
async def test_a_cancellation_that_comes_with_the_end_of_the_time_stays_one(
    limits, cancelled_first
):
    async def work():
        with limits.limit(60):
            (limit,) = limits.attempts
            both = [limit.expire, asyncio.current_task().cancel]
            for end in reversed(both) if cancelled_first else both:
                end()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.wait((task,))
    assert task.cancelled()


def spin(seconds):
    """Keep a processor busy, on a machine that others use as well."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def turns_until_the_end(limits, work):
    """Count how often the loop comes to a task, which does that, until its time is up."""
    turns = 0
    with contextlib.suppress(TimeoutError), limits.limit(0.1):
        while turns < 12:
            turns += 1
            work()
            await asyncio.sleep(0.001)
    return turns


async def test_a_loop_that_is_busy_for_ever_ends_what_is_out_of_time(limits, stalls_soon):
    assert await turns_until_the_end(limits, lambda: spin(0.05)) <= 4


async def test_time_in_which_the_process_stood_still_does_not_count(limits, stalls_soon):
    assert await turns_until_the_end(limits, lambda: time.sleep(0.05)) > 4


async def test_what_came_while_the_loop_was_busy_is_read_first(limits, stalls_soon):
    here, there = socket.socketpair()
    with here, there:
        reader, writer = await asyncio.open_connection(sock=here)
        with limits.limit(0.12):
            there.send(b"there it is\n")
            spin(0.2)
            assert await reader.readline() == b"there it is\n"
        writer.close()
        await writer.wait_closed()


@pytest.fixture
def stalls_soon(monkeypatch):
    """Look at the clock more often, and take a shorter delay for a long one."""
    monkeypatch.setattr(time_limits, "_LOOK_EVERY", 0.01)
    monkeypatch.setattr(time_limits, "_STALLED", 0.03)
