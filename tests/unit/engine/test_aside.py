"""Which lookups are set aside while nobody is answered, and what becomes of them."""

import asyncio

import pytest
from inside import shared_by

from ltx_async.engine.aside import Aside
from ltx_async.engine.attempts import Attempts
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.run import Run, RunEndedError
from ltx_async.errors import (
    AttemptTimeoutError,
    AuthenticationError,
    DeadlineError,
    ProtocolError,
    ServerError,
)
from ltx_async.retry import OutageRule
from unit.scripted import EMAIL, ScriptedTransport, client_over, refused
from unit.virtual_time import in_virtual_time, now, passes

END = AuthenticationError("HTTP 401")
SILENCE = AttemptTimeoutError("no whole reply in time")


def status(number):
    return ServerError(f"HTTP {number}", status=number)


class Scene:
    """One lookup that has failed, in a run of a client whose server the test plays."""

    def __init__(self, *, silent=1, answers=0, list_reply=200, **rule):
        self.transport = ScriptedTransport([list_reply])
        self.client = client_over(self.transport, outage=OutageRule(**rule))
        self.shared = shared_by(self.client)
        self.shared.bind()
        self.run = Run()
        self.attempts = Attempts(self.shared, None, EMAIL, None, self.run)
        self.aside = Aside(self.attempts, self.run, Bounds(30.0, 300.0))
        for _ in range(answers):
            self.heard()
        self.attempts.answers_at_failure = self.outage.answers
        for _ in range(silent):
            self.shared.unheard(SILENCE, self.run)

    @property
    def outage(self):
        return self.shared.outage

    def heard(self):
        self.run.answered = True
        self.outage.heard(answered=True)
        self.shared.limiter.reopen()


# Which


@pytest.mark.parametrize("error", [status(503), ProtocolError("cut"), END, DeadlineError("late")])
@in_virtual_time
async def test_what_is_no_silence_is_blamed_on_no_outage(error):
    assert not Scene(silent=20).aside.is_due(error)


@pytest.mark.parametrize("error", [SILENCE, status(522), status(526), refused()])
@in_virtual_time
async def test_in_an_outage_every_silence_is(error):
    aside = Scene(silent=20).aside
    assert aside.is_due(error)
    assert aside.is_due(DeadlineError("late", last_error=error))


@pytest.mark.parametrize("number", [525, 526, 530])
@in_virtual_time
async def test_before_it_begins_what_lasts_is_the_emails_own(number):
    assert not Scene().aside.is_due(status(number))


@in_virtual_time
async def test_one_slow_email_while_others_were_answered_is_the_emails_own():
    scene = Scene()
    assert scene.aside.is_due(SILENCE)
    scene.heard()
    assert not scene.aside.is_due(SILENCE)


@in_virtual_time
async def test_one_left_over_at_the_end_of_a_run_that_had_answers_is_the_emails_own():
    scene = Scene()
    scene.run.more = False
    assert scene.aside.is_due(SILENCE)  # nobody was ever answered
    scene = Scene(answers=1)
    assert scene.aside.is_due(SILENCE)
    scene.run.more = False
    assert not scene.aside.is_due(SILENCE)


@in_virtual_time
async def test_whoever_had_a_turn_after_others_were_answered_fails_without_an_outage():
    scene = Scene()
    scene.attempts.had_its_turn = True
    assert not scene.aside.is_due(SILENCE)
    assert Scene(silent=20).aside.is_due(SILENCE)


@in_virtual_time
async def test_without_an_outage_only_so_many_are_set_aside():
    scene = Scene(streak=3)
    scene.run.asides = 2
    assert scene.aside.is_due(SILENCE)
    scene.run.asides = 3
    assert not scene.aside.is_due(SILENCE)


# What becomes of them


@in_virtual_time
async def test_an_answer_to_somebody_gives_it_another_turn_and_the_last_one():
    scene = Scene()
    scene.shared.limiter.under_way = 1
    task = asyncio.create_task(scene.aside.wait(SILENCE))
    await passes(100)
    assert scene.run.asides == scene.run.sleepers == 1
    heard_at = now()
    scene.heard()
    assert await task
    assert now() == heard_at
    assert scene.attempts.had_its_turn
    assert scene.attempts.answers_at_failure is None
    assert scene.run.asides == 0


@pytest.mark.parametrize("outage", [False, True])
@in_virtual_time
async def test_one_that_got_a_reply_has_another_turn_only_after_an_outage(outage):
    scene = Scene(streak=2)
    scene.shared.limiter.under_way = 1
    task = asyncio.create_task(scene.aside.wait(status(500)))
    await passes(100)
    if outage:
        scene.shared.unheard(SILENCE, scene.run)
    scene.heard()
    assert await task is outage


@in_virtual_time
async def test_where_nobody_else_asks_it_has_another_turn_soon():
    scene = Scene()
    began = now()
    assert await scene.aside.wait(SILENCE)
    assert 1 <= now() - began < 1.1
    assert not scene.attempts.had_its_turn


@in_virtual_time
async def test_whoever_is_just_about_to_ask_goes_before_it():
    scene = Scene()
    limiter = scene.shared.limiter
    task = asyncio.create_task(scene.aside.wait(SILENCE))
    await passes(1.005)  # its first look found nobody
    assert limiter.try_acquire()
    await passes(500)
    assert not task.done()
    limiter.release()
    assert await task


@in_virtual_time
async def test_where_only_the_list_is_answered_emails_without_others_are_at_fault():
    scene = Scene(silent=20, list_reply=404)
    scene.attempts.notices = True
    assert not await scene.aside.wait(SILENCE)
    assert [sent.email for sent in scene.transport.sent] == ["accounts"]
    assert scene.outage.lasts


@in_virtual_time
async def test_the_list_is_not_asked_for_where_the_outage_ended_before_its_turn():
    scene = Scene(silent=20)
    scene.attempts.notices = True
    task = asyncio.create_task(scene.aside.wait(SILENCE))
    await passes()
    scene.heard()
    assert await task
    assert scene.transport.sent == []
    assert scene.shared.limiter.under_way == 0


@in_virtual_time
async def test_a_list_that_ends_the_run_ends_it():
    scene = Scene(silent=20, list_reply=401)
    scene.attempts.notices = True
    with pytest.raises(RunEndedError):
        await scene.aside.wait(SILENCE)
    assert type(scene.run.ended) is AuthenticationError


@in_virtual_time
async def test_a_list_that_is_silent_too_leaves_the_emails_blameless():
    scene = Scene(silent=20, list_reply=522)
    scene.attempts.notices = True
    assert await scene.aside.wait(SILENCE)


@in_virtual_time
async def test_the_end_of_the_run_ends_the_wait():
    scene = Scene()
    scene.shared.limiter.under_way = 1
    task = asyncio.create_task(scene.aside.wait(SILENCE))
    await passes(1)
    scene.run.end(END)
    with pytest.raises(RunEndedError):
        await task


@in_virtual_time
async def test_an_answer_at_the_same_moment_swallows_no_cancellation():
    scene = Scene()
    scene.shared.limiter.under_way = 1
    task = asyncio.create_task(scene.aside.wait(SILENCE))
    await passes(1)
    scene.heard()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
