"""Promise 30, for a SQLite output that another program has locked: nobody has to wait for it."""

import contextlib
import signal
import sqlite3
import time

import pytest
from patience import in_time, until

from .interrupted import emails

OUT = "out.sqlite"
EXIT_STATUS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}
HOW = ["--resume", "--retry-failed", "--overwrite"]


@pytest.fixture
def addresses():
    return emails(100)


@contextlib.contextmanager
def locked(checks, mode="wal"):
    """Lock the database as a program does that does not come to the end of its transaction."""
    path = checks.directory / OUT
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.rollback()


def answered_but_locked(checks):
    """Start a run whose database is locked as soon as it is asking, and wait for its answers."""
    asked = checks.emulator.request_count
    checks.emulator.latency = 0.3
    process = checks.start(OUT, "--concurrency", "200")
    until(lambda: checks.emulator.request_count > asked)
    lock = contextlib.ExitStack()
    lock.enter_context(locked(checks))
    time.sleep(1.0)
    assert process.poll() is None
    checks.emulator.latency = 0
    return process, lock


def stopped_soon(checks, process, number):
    sent = time.monotonic()
    process.send_signal(number)
    ended = checks.wait(process)
    assert in_time(time.monotonic() - sent, 1)
    assert ended.status == EXIT_STATUS[number], ended.err
    assert "Traceback" not in ended.err
    return ended


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize(("how", "number"), [*zip(HOW, EXIT_STATUS, strict=True)])
def test_a_signal_is_heard_while_the_output_cannot_be_opened(checks, how, number, mode):
    whole = checks.run(OUT)
    with locked(checks, mode):
        process = checks.start(OUT, how)
        until((checks.directory / f"{OUT}-lock").exists)
        time.sleep(0.2)
        stopped_soon(checks, process, number)
    ended = checks.run(OUT, "--resume")
    assert (ended.status, ended.summary["ok"]) == (1, whole.summary["ok"])


@pytest.mark.parametrize("number", EXIT_STATUS)
def test_a_signal_is_heard_while_what_was_answered_cannot_be_kept(checks, number):
    whole = checks.run("whole.sqlite")
    process, lock = answered_but_locked(checks)
    with lock:
        ended = stopped_soon(checks, process, number)
    kept = len(checks.results(OUT))
    assert ended.adds_up
    assert kept == ended.summary["input"] - ended.summary["pending"] - ended.summary["duplicate"]
    assert f"not saved: {OUT}: another program has locked the database" in ended.err
    ended = checks.run(OUT, "--resume")
    assert (ended.summary["already_done"], ended.summary["ok"]) == (kept, whole.summary["ok"])
    assert checks.results(OUT) == checks.results("whole.sqlite")


def test_a_lock_that_passes_costs_nothing(checks):
    checks.run("whole.sqlite")
    process, lock = answered_but_locked(checks)
    lock.close()
    ended = checks.wait(process)
    assert (ended.status, ended.summary["pending"], ended.adds_up) == (1, 0, True)
    assert checks.results(OUT) == checks.results("whole.sqlite")


@pytest.mark.soak
def test_a_lock_that_stays_ends_the_run_with_a_word_and_resume_does_the_rest(checks):
    whole = checks.run("whole.sqlite")
    process, lock = answered_but_locked(checks)
    with lock:
        ended = checks.wait(process)
    assert (ended.status, ended.adds_up) == (4, True)
    assert f"error: {OUT}: another program has locked the database" in ended.err
    assert len(checks.results(OUT)) < ended.summary["input"]
    ended = checks.run(OUT, "--resume")
    assert (ended.summary["pending"], ended.summary["ok"]) == (0, whole.summary["ok"])
    assert checks.results(OUT) == checks.results("whole.sqlite")
