"""A run's end and a run's outage, apart from any transport."""

import asyncio

import pytest

from ltx_async.engine.outage import is_silence
from ltx_async.engine.run import Run, RunEndedError
from ltx_async.errors import (
    AttemptTimeoutError,
    AuthenticationError,
    DeadlineError,
    DecodeError,
    ProtocolError,
    ServerError,
    ServiceUnavailableError,
)
from ltx_async.retry import OutageRule
from unit.scripted import no_descriptors, refused
from unit.virtual_time import in_virtual_time, now, passes

END = AuthenticationError("HTTP 401", status=401)
SILENCE = AttemptTimeoutError("no whole reply in time")


def new_run(**rule):
    return Run(OutageRule(**rule), now)


def silent(run, times, *, closed=False, jitter=1.0):
    """Note that many attempts without an answer; return what the last one led to."""
    return [run.unheard(SILENCE, closed=closed, jitter=jitter) for _ in range(times)][-1]


def status(number):
    return ServerError(f"HTTP {number}", status=number)


# What is silence


@pytest.mark.parametrize("number", [520, 521, 522, 523, 524, 525, 526, 527, 530])
def test_an_edge_that_cannot_reach_the_origin_is_silence(number):
    assert is_silence(status(number))


@pytest.mark.parametrize("number", [401, 404, 429, 500, 502, 503, 504, 519, 528, 529, 596])
def test_any_other_reply_is_an_answer(number):
    assert not is_silence(status(number))


def test_no_reply_is_silence_but_a_broken_one_is_not():
    assert is_silence(refused())
    assert is_silence(SILENCE)
    assert not is_silence(ProtocolError("the reply is not valid HTTP"))
    assert not is_silence(DecodeError("no account"))


def test_a_machine_without_descriptors_is_no_silence_of_the_server():
    assert not is_silence(no_descriptors())


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
    assert not run._waiting


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
async def test_twenty_in_a_row_are_an_outage_and_nineteen_are_not():
    run = new_run()
    assert silent(run, 19) is None
    assert not run.in_outage
    assert silent(run, 1) is not None
    assert run.in_outage


@in_virtual_time
async def test_any_answer_starts_the_count_again_and_says_whether_it_ended_an_outage():
    run = new_run()
    silent(run, 19)
    assert not run.heard()
    silent(run, 19)
    assert not run.in_outage
    silent(run, 1)
    assert run.heard()
    assert not run.in_outage
    assert not run.heard()
    assert run.replies == 3
    assert silent(run, 19) is None


@in_virtual_time
async def test_the_waits_before_probes_double_up_to_their_cap():
    run = new_run(probe_base=0.5, probe_cap=5.0)
    silent(run, 19)
    assert [silent(run, 1) for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]


@in_virtual_time
async def test_jitter_shortens_a_wait_to_half_at_most():
    assert silent(new_run(), 20, jitter=0.0) == 0.25
    assert silent(new_run(), 20, jitter=0.5) == 0.375


@in_virtual_time
async def test_after_an_answer_the_backoff_begins_anew():
    run = new_run()
    silent(run, 25)
    run.heard()
    assert silent(run, 20) == 0.5


@in_virtual_time
async def test_while_the_gate_is_closed_no_further_wait_is_asked_for():
    run = new_run()
    assert silent(run, 20, closed=True) is None
    assert run.in_outage
    assert silent(run, 1) == 0.5


@in_virtual_time
async def test_after_sixty_seconds_without_an_answer_the_run_ends():
    run = new_run()
    silent(run, 20)
    await asyncio.sleep(59.9)
    assert silent(run, 1) == pytest.approx(0.1)  # the last probe comes when patience ends
    await asyncio.sleep(0.1)
    assert run.ended is None
    assert silent(run, 1, closed=True) is None
    assert isinstance(run.ended, ServiceUnavailableError)
    assert str(run.ended) == (
        "no answer for 60 s, 22 attempts in a row; the last one: no whole reply in time"
    )


@pytest.mark.parametrize("start", [0.0, 0.1, 12345.678, 1e9 / 3])
@pytest.mark.parametrize("jitter", [0.0, 0.3, 1.0])
def test_the_last_probes_do_not_creep_towards_the_end(start, jitter):
    clock = [start]
    run = Run(OutageRule(), lambda: clock[0])
    silent(run, 19)
    probes = 0
    while run.ended is None:
        clock[0] += run.unheard(SILENCE, closed=False, jitter=jitter) or 0.0
        probes += 1
    assert probes < 40
    assert clock[0] == pytest.approx(start + 60)


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
    run.unheard(status(number), closed=False, jitter=1.0)
    began = now()
    assert not await excused(run, status(number))
    assert now() == began


@in_virtual_time
async def test_one_slow_email_while_others_were_answered_is_not_excused():
    run = new_run()
    replies = run.replies
    run.heard()
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
    run.heard()
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
    run.heard()
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
    run.heard()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
