"""When silence is an outage, when it is over, and what it is to blame for."""

import asyncio

import pytest

from ltx_async.engine.outage import Outage, is_silence
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

END = AuthenticationError("HTTP 401")
SILENCE = AttemptTimeoutError("no whole reply in time")


def new_outage(**rule):
    return Outage(OutageRule(**rule))


def silent(outage, times, *, at=0.0, closed=False, jitter=1.0):
    """Note that many attempts without an answer; return what the last one led to."""
    noted = [outage.unheard(SILENCE, now=at, closed=closed, jitter=jitter) for _ in range(times)]
    return noted[-1]


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


# When it begins and ends


def test_twenty_in_a_row_are_an_outage_and_nineteen_are_not():
    outage = new_outage()
    assert silent(outage, 19) is None
    assert not outage.lasts
    assert silent(outage, 1) is not None
    assert outage.lasts


def test_any_answer_starts_the_count_again_and_says_whether_it_ended_an_outage():
    outage = new_outage()
    silent(outage, 19)
    assert not outage.heard()
    silent(outage, 19)
    assert not outage.lasts
    silent(outage, 1)
    assert outage.heard()
    assert not outage.lasts
    assert not outage.heard()
    assert outage.replies == 3
    assert silent(outage, 19) is None


def test_the_waits_before_probes_double_up_to_their_cap():
    outage = new_outage(probe_base=0.5, probe_cap=5.0)
    silent(outage, 19)
    assert [silent(outage, 1) for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]


def test_jitter_shortens_a_wait_to_half_at_most():
    assert silent(new_outage(), 20, jitter=0.0) == 0.25
    assert silent(new_outage(), 20, jitter=0.5) == 0.375


def test_after_an_answer_the_backoff_begins_anew():
    outage = new_outage()
    silent(outage, 25)
    outage.heard()
    assert silent(outage, 20) == 0.5


def test_while_the_gate_is_closed_no_further_wait_is_asked_for():
    outage = new_outage()
    assert silent(outage, 20, closed=True) is None
    assert outage.lasts
    assert silent(outage, 1) == 0.5


def test_after_sixty_seconds_without_an_answer_it_gives_up():
    outage = new_outage()
    silent(outage, 20, at=5.0)
    assert silent(outage, 1, at=64.9) == pytest.approx(0.1)  # the last probe ends patience
    gave_up = silent(outage, 1, at=65.0, closed=True)
    assert type(gave_up) is ServiceUnavailableError
    assert str(gave_up) == (
        "no answer for 60 s, 22 attempts in a row; the last one: no whole reply in time"
    )
    assert gave_up.last_error is SILENCE


def test_a_rule_of_ones_own_counts():
    outage = new_outage(streak=3, patience=7)
    assert silent(outage, 2) is None
    assert silent(outage, 1) == 0.5
    assert silent(outage, 1, at=6.9) is not None
    assert type(silent(outage, 1, at=7.0)) is ServiceUnavailableError


@pytest.mark.parametrize("start", [0.0, 0.1, 12345.678, 1e9 / 3])
@pytest.mark.parametrize("jitter", [0.0, 0.3, 1.0])
def test_the_last_probes_do_not_creep_towards_the_end(start, jitter):
    outage, now, probes = new_outage(), start, 0
    silent(outage, 19, at=start)
    while not isinstance(
        wait := outage.unheard(SILENCE, now=now, closed=False, jitter=jitter),
        ServiceUnavailableError,
    ):
        now += wait
        probes += 1
    assert probes < 40
    assert now == pytest.approx(start + 60)


# What it is to blame for


def blamed(outage, error, *, replies=0, others=True):
    return outage.is_to_blame(error, replies=replies, others=others)


@pytest.mark.parametrize("error", [status(503), ProtocolError("cut"), END, DeadlineError("late")])
def test_for_what_is_no_silence_it_is_not_to_blame(error):
    outage = new_outage()
    silent(outage, 20)
    assert blamed(outage, error) is False


@pytest.mark.parametrize("error", [SILENCE, status(522), status(526), refused()])
def test_while_it_lasts_it_is_to_blame_for_silence(error):
    outage = new_outage()
    silent(outage, 20)
    assert blamed(outage, error) is True
    assert blamed(outage, DeadlineError("late", last_error=error)) is True


@pytest.mark.parametrize("number", [525, 526, 530])
def test_before_it_begins_what_lasts_is_the_emails_own(number):
    outage = new_outage()
    outage.unheard(status(number), now=0.0, closed=False, jitter=1.0)
    assert blamed(outage, status(number)) is False


def test_for_one_slow_email_among_answered_ones_it_is_not_to_blame():
    outage = new_outage()
    replies = outage.replies
    outage.heard()
    silent(outage, 1)
    assert blamed(outage, SILENCE, replies=replies) is False


def test_silence_before_which_nobody_was_silent_is_the_emails_own():
    assert blamed(new_outage(), SILENCE, replies=None) is False


def test_for_one_left_over_at_the_end_of_a_run_that_had_answers_it_is_not_to_blame():
    outage = new_outage()
    silent(outage, 1)
    assert blamed(outage, SILENCE, others=False) is None  # nobody was ever answered
    outage.heard()
    silent(outage, 1)
    assert blamed(outage, SILENCE, replies=1, others=False) is False
    assert blamed(outage, SILENCE, replies=1, others=True) is None


@in_virtual_time
async def test_nobody_answers_within_a_while_or_somebody_does():
    outage = new_outage()
    silent(outage, 1)
    began = now()
    assert await outage.nobody_answers_within(2.0)
    assert now() == began + 2
    waiting = asyncio.create_task(outage.nobody_answers_within(2.0))
    await passes(1)
    outage.heard()
    assert not await waiting
    assert now() == began + 3
