"""What becomes of one email: the record of an answer, of an error, and of a new kind of one."""

import subprocess
import sys
import threading

import pytest

from ltx_async.codec import Reply, parse_account
from ltx_async.errors import (
    AccountNotFoundError,
    DeadlineError,
    InvalidEmailError,
    LTXError,
    ReauthenticationError,
)
from ltx_async.events import AttemptFinished
from ltx_async.models import Outcome
from unit.scripted import EMAIL, ScriptedTransport, client_over
from unit.virtual_time import in_virtual_time

BROKEN = Reply(200, {}, b'{"email": "ann@example.com", "error": "sign in again"}')


@pytest.mark.parametrize(
    ("step", "outcome", "error"),
    [
        (200, Outcome.OK, None),
        (BROKEN, Outcome.NEEDS_REAUTH, None),
        (596, Outcome.NEEDS_REAUTH, ReauthenticationError),
        (404, Outcome.NOT_FOUND, AccountNotFoundError),
        (410, Outcome.FAILED, LTXError),
    ],
)
@in_virtual_time
async def test_a_reply_becomes_a_record(step, outcome, error):
    transport = ScriptedTransport([step], latency=0.5)
    lookup = await client_over(transport).lookup(EMAIL)
    assert (lookup.email, lookup.outcome, lookup.attempts) == (EMAIL, outcome, 1)
    assert lookup.elapsed == 0.5
    assert (lookup.account is None) == (lookup.error is not None)
    if error is not None:
        assert isinstance(lookup.error, error)
        assert (lookup.error.email, lookup.error.attempts) == (EMAIL, 1)


@in_virtual_time
async def test_an_email_that_cannot_be_sent_has_a_record_without_an_attempt():
    lookup = await client_over(ScriptedTransport()).lookup("no email")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.INVALID, InvalidEmailError)
    assert (lookup.attempts, lookup.status, lookup.elapsed) == (0, None, 0.0)


def every(cls):
    return {cls}.union(*map(every, cls.__subclasses__()))


def test_what_a_class_says_of_its_outcome_is_one():
    assert {Outcome(cls.outcome) for cls in every(LTXError)} == {
        Outcome.FAILED,
        Outcome.INVALID,
        Outcome.NOT_FOUND,
        Outcome.NEEDS_REAUTH,
    }


RULE = """
class GoneError(ResponseError):
    statuses = frozenset({410})
    outcome = "not_found"


class FullDiskError(ServerError):
    statuses = frozenset({507})
    ends_run = True


CLASS_OF_STATUS"""
PROGRAM = """
import asyncio, sys
from importlib.machinery import SourceFileLoader


def with_the_rule(loader, name, _as_it_is=SourceFileLoader.get_code):
    if name != "ltx_async.errors.replied":
        return _as_it_is(loader, name)
    source = loader.get_source(name).replace("\\nCLASS_OF_STATUS", sys.argv[1], 1)
    return compile(source, loader.path, "exec")


SourceFileLoader.get_code = with_the_rule
from ltx_async.emulator import Emulator, Status
from ltx_async import LTXClient, LTXError


async def main():
    async with Emulator([{"email": "ann@example.com"}]) as emulator:
        async with LTXClient(emulator.token, base_url=emulator.base_url) as client:
            emulator.script("ann@example.com", Status(410), Status(507))
            gone = await client.lookup("ann@example.com")
            print(type(gone.error).__name__, gone.outcome, gone.attempts)
            run = client.lookup_many(["ann@example.com"])
            try:
                print(await run)
            except LTXError as error:
                print(type(error).__name__, error.status, len(run.delivered))


asyncio.run(main())
"""


def test_a_new_rule_for_a_status_is_one_class():
    """Written there and nowhere else, it decides class, outcome and end of a run."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, RULE], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["GoneError not_found 1", "FullDiskError 507 0"], done


async def test_long_replies_are_read_two_at_a_time(monkeypatch):
    """In threads: more of them would only take the interpreter from the loop."""
    at_once, most, turn = [], [], threading.Event()

    def read(reply, email, redaction):
        at_once.append(email)
        most.append(len(at_once))
        turn.wait(0.02)
        at_once.remove(email)
        return parse_account(reply, email, redaction)

    monkeypatch.setattr("ltx_async.engine.lookup.parse_account", read)
    long = Reply(200, {}, b'{"maxJobs": 1, "x": "%s"}' % (b"x" * (64 << 10)))
    client = client_over(ScriptedTransport([long]), concurrency=10)
    lookups = await client.lookup_many(f"{n}@example.com" for n in range(10))
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert max(most) == 2


async def test_to_read_a_long_reply_is_no_time_of_the_server(monkeypatch):
    slowly, told = threading.Event(), []
    monkeypatch.setattr(
        "ltx_async.engine.lookup.parse_account",
        lambda *reply: (slowly.wait(0.5), parse_account(*reply))[1],
    )
    long = Reply(200, {}, b'{"maxJobs": 1, "x": "%s"}' % (b"x" * (64 << 10)))
    client = client_over(ScriptedTransport([long]), on_event=told.append)
    assert (await client.lookup(EMAIL)).outcome is Outcome.OK
    (finished,) = [event for event in told if isinstance(event, AttemptFinished)]
    assert finished.seconds < 0.4
    assert client.stats.latency_p50 < 0.4


async def test_a_long_reply_waits_no_longer_than_its_deadline_for_its_turn(monkeypatch):
    end = threading.Event()
    monkeypatch.setattr(
        "ltx_async.engine.lookup.parse_account",
        lambda *reply: end.wait(10) and parse_account(*reply),
    )
    long = Reply(200, {}, b'{"maxJobs": 1, "x": "%s"}' % (b"x" * (64 << 10)))
    client = client_over(ScriptedTransport([long]), concurrency=5, deadline=0.2)
    try:
        lookups = await client.lookup_many(f"{n}@example.com" for n in range(5))
    finally:
        end.set()
    assert {type(lookup.error) for lookup in lookups} == {DeadlineError}
