"""When silence is an outage, when it is over, and what it is to blame for."""

import asyncio
import math

import pytest

from ltx_async.engine.health.outage import Outage, cause_of, is_silence
from ltx_async.errors import (
    AttemptTimeoutError,
    AuthenticationError,
    ConnectError,
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
    assert outage.heard(answered=True) is None
    silent(outage, 19)
    assert not outage.lasts
    silent(outage, 1)
    began_at = outage.began_at
    assert began_at is not None
    assert outage.heard(answered=True) == began_at
    assert not outage.lasts
    assert outage.heard(answered=True) is None
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
    outage.heard(answered=True)
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


# What the list and the emails tell


def test_patience_goes_on_running_while_only_the_list_is_answered():
    outage = new_outage()
    silent(outage, 20)
    outage.heard_list()
    assert outage.lasts
    assert outage.reached
    assert silent(outage, 19, at=59.0) is None  # as many emails may be asked as before it
    assert silent(outage, 1, at=59.0) == 1.0


def test_while_the_list_is_answered_it_gives_up_after_a_hundred_emails_at_the_earliest():
    outage = new_outage()
    silent(outage, 20)
    outage.heard_list()
    assert not isinstance(silent(outage, 98, at=1000.0), ServiceUnavailableError)
    assert type(silent(outage, 1, at=1000.0)) is ServiceUnavailableError


def test_a_list_that_is_answered_without_an_outage_says_nothing_about_one():
    outage = new_outage()
    silent(outage, 19)
    outage.heard_list()
    assert not outage.reached
    assert silent(outage, 19) is None


def test_forgetting_an_outage_begins_anew():
    outage = new_outage()
    silent(outage, 25)
    outage.heard_list()
    outage.forget()
    assert (outage.lasts, outage.reached) == (False, False)
    assert silent(outage, 19) is None
    assert silent(outage, 1) == 0.5


@pytest.mark.parametrize(
    ("error", "cause"),
    [(SILENCE, SILENCE), (DeadlineError("late", last_error=END), END), (DeadlineError("x"), None)],
)
def test_what_kept_a_lookup_from_its_answer(error, cause):
    assert cause_of(error) is cause


@in_virtual_time
async def test_nobody_is_answered_within_a_while_or_somebody_is():
    outage = new_outage()
    silent(outage, 1)
    began = now()
    assert not await outage.somebody_is_answered_within(2.0)
    assert now() == began + 2
    waiting = asyncio.create_task(outage.somebody_is_answered_within(2.0))
    await passes(1)
    outage.heard(answered=False)
    await passes(0.5)
    assert not waiting.done()
    outage.heard(answered=True)
    assert await waiting
    assert now() == began + 3.5


# Before the first reply ever

ASTRAY = ConnectError("no address for api.invalid: Name or service not known", misdirected=True)


def astray(outage, at):
    return outage.unheard(ASTRAY, now=at, closed=False, jitter=1.0)


def test_what_a_wrong_base_url_brings_is_an_outage_at_once_and_a_short_one():
    outage = new_outage()
    assert astray(outage, 10.0) == 0.5
    assert (outage.lasts, outage.is_noticed, outage.patience) == (True, True, 5.0)
    assert [astray(outage, at) for at in (10.5, 11.5)] == [1, 2]
    assert not outage.is_noticed
    assert astray(outage, 13.5) == 1.5  # the last probe ends patience
    gave_up = astray(outage, 15.0)
    assert str(gave_up).startswith("no answer for 5 s, 5 attempts in a row; the last one: no addr")
    assert gave_up.hint == ASTRAY.hint


@pytest.mark.parametrize("hear", [lambda o: o.heard(answered=False), Outage.heard_list])
def test_once_there_was_a_reply_it_counts_as_anything_else(hear):
    outage = new_outage()
    hear(outage)
    assert [astray(outage, 0.0) for _ in range(19)] == [None] * 19
    assert astray(outage, 0.0) == 0.5
    assert outage.patience == 60.0


def test_what_comes_between_makes_the_patience_the_long_one():
    outage = new_outage()
    astray(outage, 0.0)
    silent(outage, 1, at=1.0)
    assert outage.patience == 60.0
    assert astray(outage, 6.0) is None  # nor does it become short again
    assert astray(outage, 59.0) is None
    assert type(astray(outage, 60.0)) is ServiceUnavailableError


def test_silence_that_may_pass_is_no_outage_at_once():
    outage = new_outage()
    silent(outage, 1)
    assert astray(outage, 0.0) is None
    assert not outage.lasts


def test_a_patience_that_is_shorter_still_holds():
    outage = new_outage(patience=1.0)
    astray(outage, 0.0)
    assert outage.patience == 1.0


def test_a_single_lookup_has_that_patience_only_with_what_a_wrong_base_url_brings():
    outage = new_outage()
    assert outage.patience_with(ASTRAY) == 5.0
    assert outage.patience_with(SILENCE) == outage.patience_with(refused()) == math.inf
    outage.heard(answered=True)
    assert outage.patience_with(ASTRAY) == math.inf
