"""What ends at a time limit, and whose cancellation that is."""

import asyncio

import pytest

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
