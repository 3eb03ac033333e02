"""The log and the function of the owner: what they are told, and what becomes of its mistakes."""

import gc
import logging

import pytest

from ltx_async.engine.logs import Listener, mask_email, message_for_log
from ltx_async.errors import RateLimitError
from ltx_async.events import AttemptStarted, GateClosed, LookupFinished
from unit.scripted import EMAIL


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
    assert not Listener().watched
    assert Listener(print).watched
    assert not Listener(print, frozenset({GateClosed})).watched
    assert Listener(print, frozenset({GateClosed, LookupFinished})).watched
    caplog.set_level(logging.DEBUG, "ltx_async")
    assert Listener().watched


def test_an_event_is_told_and_logged_at_debug(caplog):
    caplog.set_level(logging.DEBUG, "ltx_async")
    told = []
    Listener(told.append).tell(AttemptStarted(EMAIL, 1))
    Listener().tell(AttemptStarted(EMAIL, 2))
    assert told == [AttemptStarted(EMAIL, 1)]
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert "attempt=2" in caplog.text


def test_an_exception_of_the_listener_is_logged_and_goes_no_further(caplog):
    caplog.set_level(logging.INFO, "ltx_async")

    def listener(_event):
        raise ZeroDivisionError

    Listener(listener).tell(AttemptStarted(EMAIL, 1))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "ZeroDivisionError" in caplog.text


def test_a_listener_that_raises_each_time_is_logged_once_whole_and_then_counted(caplog):
    def on_event(_event):
        raise ZeroDivisionError

    ours = Listener(on_event)
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
    ours = Listener(lambda event: on_event(event))
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
