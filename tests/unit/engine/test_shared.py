"""What all lookups of a client share: the log, the events, the gate and the limits."""

import gc
import logging

import pytest

from ltx_async.codec import Redaction
from ltx_async.engine.limiter import Limiter
from ltx_async.engine.logs import mask_email, message_for_log
from ltx_async.engine.shared import Shared
from ltx_async.errors import RateLimitError
from ltx_async.events import AttemptStarted, GateClosed, GateOpened, LookupFinished
from ltx_async.retry import RetryBudget, RetryPolicy
from unit.scripted import EMAIL, TOKEN, ScriptedTransport
from unit.virtual_time import in_virtual_time, passes

WHY = RateLimitError("HTTP 429", status=429)


def shared(on_event=None, concurrency=4, kinds=None):
    return Shared(
        ScriptedTransport(),
        Limiter(concurrency),
        RetryPolicy(),
        RetryBudget(500),
        Redaction.of(TOKEN),
        on_event,
        kinds=kinds,
    )


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("ann@example.com", "a***@example.com"),
        ("a@b@example.com", "a***@example.com"),
        ("ünï@example.com", "\\xfc***@example.com"),
        ("a@\x1b[31m", "a***@\\x1b[31m"),
        ("a@" + "b" * 200, "a***@" + "b" * 64),
        ("the list", "the list"),
    ],
)
def test_an_email_is_masked_and_inert(email, masked):
    assert mask_email(email) == masked


def test_the_server_repeating_the_email_does_not_unmask_it():
    error = RateLimitError(f"HTTP 429: not you, {EMAIL}!", status=429)
    assert message_for_log(error, EMAIL) == "HTTP 429: not you, a***@example.com!"
    assert message_for_log(error, None) == error.message
    assert message_for_log(error, "") == error.message


def test_without_a_listener_and_debug_nobody_watches(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    assert not shared().watched
    assert shared(on_event=print).watched
    assert not shared(on_event=print, kinds=frozenset({GateClosed})).watched
    assert shared(on_event=print, kinds=frozenset({GateClosed, LookupFinished})).watched
    caplog.set_level(logging.DEBUG, "ltx_async")
    assert shared().watched


def test_an_event_is_told_and_logged_at_debug(caplog):
    caplog.set_level(logging.DEBUG, "ltx_async")
    told = []
    shared(told.append).tell(AttemptStarted(EMAIL, 1))
    shared().tell(AttemptStarted(EMAIL, 2))
    assert told == [AttemptStarted(EMAIL, 1)]
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert "attempt=2" in caplog.text


def test_an_exception_of_the_listener_is_logged_and_goes_no_further(caplog):
    caplog.set_level(logging.INFO, "ltx_async")

    def listener(_event):
        raise ZeroDivisionError

    shared(listener).tell(AttemptStarted(EMAIL, 1))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "ZeroDivisionError" in caplog.text


def test_a_listener_that_raises_each_time_is_logged_once_whole_and_then_counted(caplog):
    def on_event(_event):
        raise ZeroDivisionError

    ours = shared(on_event)
    for _ in range(150):
        ours.tell(AttemptStarted(EMAIL, 1))
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [bool(record.exc_info) for record in errors] == [True, False, False]
    assert "ZeroDivisionError" in caplog.text
    assert [record.getMessage() for record in errors[1:]] == [
        "on_event has failed 10 times; the run goes on",
        "on_event has failed 100 times; the run goes on",
    ]


async def on_event(_event):
    """Nobody awaits what this gives."""


def test_a_coroutine_that_a_listener_gives_is_told_once_and_forgotten_without_a_warning(
    caplog, recwarn
):
    ours = shared(lambda event: on_event(event))
    for _ in range(20):
        ours.tell(AttemptStarted(EMAIL, 1))
    gc.collect()
    assert not recwarn.list
    assert [one.getMessage() for one in caplog.records if one.name == "ltx_async"] == [
        (
            "on_event gave a coroutine, which nobody awaits: it must be a plain function; "
            "the run goes on"
        ),
        "on_event has failed 10 times; the run goes on",
    ]


@in_virtual_time
async def test_the_gate_tells_once_when_it_closes_and_once_when_it_opens(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    told = []
    one = shared(told.append)
    for _ in range(3):
        one.close_gate(2.0, WHY)
    assert told == [GateClosed(2.0, WHY)]
    await passes(2)
    assert told == [GateClosed(2.0, WHY), GateOpened(1)]
    assert [record.message for record in caplog.records] == [
        "nobody sends for 2.0 s: HTTP 429",
        "sending again, 1 at first",
    ]


@pytest.mark.parametrize(("polls", "closed"), [(None, False), (0, True)])
@in_virtual_time
async def test_a_refusal_that_is_forgiven_leaves_the_gate_open(monkeypatch, polls, closed):
    told = []
    monkeypatch.setattr(Limiter, "refused", lambda *_args, **_named: polls)
    one = shared(told.append)
    one.throttled(WHY, 0.0)
    assert one.limiter.closed is closed
    assert [type(event) for event in told] == [GateClosed] * closed


@in_virtual_time
async def test_what_closed_the_gate_is_logged_with_the_email_masked(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    shared().close_gate(1.0, RateLimitError(f"slow down, {EMAIL}", status=429, email=EMAIL))
    assert EMAIL not in caplog.text
    assert "a***@example.com" in caplog.text


@in_virtual_time
async def test_running_out_of_descriptors_warns_once(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    one = shared(concurrency=4)
    for _ in range(4):
        one.limiter.try_acquire()
    for _ in range(3):
        one.limiter.release()
        one.lower_concurrency()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "INFO"]
    assert caplog.messages == [
        f"out of file descriptors: concurrency lowered to {left}" for left in (3, 2, 1)
    ]
