"""A run's end, its waits, and what an outage excuses in it, apart from any transport."""

import asyncio

import pytest

from ltx_async.engine.outage import Outage
from ltx_async.engine.run import Run, RunEndedError
from ltx_async.errors import (
    AttemptTimeoutError,
    AuthenticationError,
    DeadlineError,
    ProtocolError,
    ServerError,
    ServiceUnavailableError,
)
from ltx_async.retry import OutageRule
from unit.scripted import refused
from unit.virtual_time import in_virtual_time, now, passes

END = AuthenticationError("HTTP 401")
SILENCE = AttemptTimeoutError("no whole reply in time")


def new_run(**rule):
    return Run(Outage(OutageRule(**rule)))


def silent(run, times, *, closed=False, jitter=1.0):
    """Note that many attempts without an answer; return what the last one led to."""
    noted = [run.unheard(SILENCE, now=now(), closed=closed, jitter=jitter) for _ in range(times)]
    return noted[-1]


def status(number):
    return ServerError(f"HTTP {number}", status=number)


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


# The outage


@in_virtual_time
async def test_an_outage_without_an_end_ends_the_run():
    run = new_run()
    assert silent(run, 20) == 0.5
    await asyncio.sleep(59.9)
    assert silent(run, 1) == pytest.approx(0.1)
    assert run.ended is None
    await asyncio.sleep(0.1)
    assert silent(run, 1, closed=True) is None
    assert isinstance(run.ended, ServiceUnavailableError)


@in_virtual_time
async def test_the_end_of_an_outage_cuts_every_wait_short():
    run = new_run(patience=0)
    sleeper = asyncio.create_task(run.sleep(1000))
    await passes()
    began = now()
    silent(run, 20)
    with pytest.raises(RunEndedError):
        await sleeper
    assert now() == began


# What an outage excuses


async def excused(run, error, *, replies=0, wait=2.0):
    return await run.excuses(error, replies=replies, wait=wait)


@pytest.mark.parametrize("error", [status(503), ProtocolError("cut"), END, DeadlineError("late")])
@in_virtual_time
async def test_what_is_no_silence_is_excused_by_nothing(error):
    run = new_run()
    silent(run, 20)
    assert not await excused(run, error)


@pytest.mark.parametrize("error", [SILENCE, status(522), status(526), refused()])
@in_virtual_time
async def test_in_an_outage_silence_is_excused_at_once(error):
    run = new_run()
    silent(run, 20)
    began = now()
    assert await excused(run, error)
    assert await excused(run, DeadlineError("late", last_error=error))
    assert now() == began


@pytest.mark.parametrize("number", [525, 526, 530])
@in_virtual_time
async def test_without_an_outage_what_lasts_is_not_excused(number):
    run = new_run()
    run.unheard(status(number), now=now(), closed=False, jitter=1.0)
    began = now()
    assert not await excused(run, status(number))
    assert now() == began


@in_virtual_time
async def test_one_slow_email_while_others_were_answered_is_not_excused():
    run = new_run()
    replies = run.outage.replies
    run.outage.heard()
    silent(run, 1)
    began = now()
    assert not await excused(run, SILENCE, replies=replies)
    assert now() == began


@in_virtual_time
async def test_silence_waits_for_an_answer_to_others_and_is_not_excused_when_it_comes():
    run = new_run()
    silent(run, 1)
    task = asyncio.create_task(excused(run, SILENCE))
    await passes(1)
    assert run.sleepers == 1
    heard_at = now()
    run.outage.heard()
    assert not await task
    assert now() == heard_at


@in_virtual_time
async def test_silence_is_excused_when_nobody_was_answered_meanwhile():
    run = new_run()
    silent(run, 1)
    began = now()
    assert await excused(run, SILENCE, wait=2.0)
    assert now() == began + 2


@in_virtual_time
async def test_an_answer_of_long_ago_does_not_end_the_wait():
    run = new_run()
    silent(run, 1)
    run.outage.heard()
    silent(run, 1)
    began = now()
    assert await excused(run, SILENCE, replies=1)
    assert now() == began + 2


@in_virtual_time
async def test_the_end_of_the_run_ends_the_wait_for_an_answer():
    run = new_run()
    silent(run, 1)
    task = asyncio.create_task(excused(run, SILENCE, wait=1000))
    await passes(1)
    run.end(END)
    with pytest.raises(RunEndedError):
        await task


@in_virtual_time
async def test_an_answer_at_the_same_moment_swallows_no_cancellation():
    run = new_run()
    silent(run, 1)
    task = asyncio.create_task(excused(run, SILENCE, wait=1000))
    await passes(1)
    run.outage.heard()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
