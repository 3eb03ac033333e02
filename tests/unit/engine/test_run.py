"""A run's end and its waits, apart from any transport."""

import asyncio

import pytest

from ltx_async.engine.run import Run, RunEndedError
from ltx_async.errors import (
    AttemptTimeoutError,
    AuthenticationError,
)
from unit.virtual_time import in_virtual_time, now, passes

END = AuthenticationError("HTTP 401")
SILENCE = AttemptTimeoutError("no whole reply in time")


def new_run():
    return Run()


# The end


@in_virtual_time
async def test_the_end_cuts_every_wait_short_and_the_first_reason_stays():
    run = new_run()
    sleepers = [asyncio.create_task(run.sleep(1000)) for _ in range(3)]
    await passes(5)
    began = now()
    run.end(END)
    run.end(SILENCE)
    results = await asyncio.gather(*sleepers, return_exceptions=True)
    assert [type(result) for result in results] == [RunEndedError] * 3
    assert now() == began
    assert run.ended is END


@in_virtual_time
async def test_after_the_end_no_wait_begins():
    run = new_run()
    run.end(END)
    with pytest.raises(RunEndedError):
        await run.sleep(0)


@in_virtual_time
async def test_a_wait_that_nothing_cuts_short_just_ends():
    run = new_run()
    began = now()
    await run.sleep(3)
    assert now() == began + 3


@in_virtual_time
async def test_the_end_leaves_alone_what_does_not_wait():
    run = new_run()

    async def in_flight():
        await asyncio.sleep(5)
        return "answered"

    task = asyncio.create_task(in_flight())
    await passes()
    run.end(END)
    assert await task == "answered"


@in_virtual_time
async def test_a_wait_that_is_cancelled_from_outside_is_cancelled_not_ended():
    run = new_run()
    task = asyncio.create_task(run.sleep(1000))
    await passes()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    run.end(END)  # which leaves a task alone that waits no longer
    assert task.cancelled()


@pytest.mark.parametrize("cancelled_first", [True, False])
@in_virtual_time
async def test_cancelled_and_ended_at_the_same_moment_is_cancelled(cancelled_first):
    run = new_run()
    task = asyncio.create_task(run.sleep(1000))
    await passes()
    if cancelled_first:
        task.cancel()
    run.end(END)
    if not cancelled_first:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@in_virtual_time
async def test_a_task_whose_wait_was_ended_may_go_on_to_wait_for_other_things():
    run = new_run()

    async def worker():
        try:
            await run.sleep(1000)
        except RunEndedError:
            async with asyncio.timeout(10):
                await asyncio.sleep(1)
            return asyncio.current_task().cancelling()

    task = asyncio.create_task(worker())
    await passes()
    run.end(END)
    assert await task == 0


@in_virtual_time
async def test_who_sleeps_is_counted_and_announced():
    run = new_run()
    seen = []
    run.on_sleep = lambda: seen.append(run.sleepers)
    tasks = [asyncio.create_task(run.sleep(1)) for _ in range(2)]
    await passes()
    assert run.sleepers == 2
    await asyncio.gather(*tasks)
    assert run.sleepers == 0
    assert seen == [1, 2]


@in_virtual_time
async def test_who_is_set_aside_is_counted_among_the_sleepers_and_apart():
    run = new_run()
    seen = []
    run.on_sleep = lambda: seen.append((run.sleepers, run.asides))
    with run.setting_aside():
        assert (run.sleepers, run.asides) == (1, 1)
    assert (run.sleepers, run.asides) == (0, 0)
    assert seen == [(1, 1)]
