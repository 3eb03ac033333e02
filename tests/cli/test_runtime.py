import asyncio
import os
import pty
import signal
import termios
import time
from pathlib import Path

import pytest

from ltx_async.cli.runtime import Interrupt


@pytest.fixture
def full_pipe():
    """The writing end of a pipe that has no room left, and that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(writing, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


@pytest.fixture
def stopped_terminal():
    """A terminal whose user has typed Ctrl-S."""
    ours, theirs = pty.openpty()
    termios.tcflow(theirs, termios.TCOOFF)
    yield theirs
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize("stalled", ["full_pipe", "stopped_terminal"])
def test_a_second_signal_ends_what_talks_to_somebody_who_does_not_listen(launch, request, stalled):
    process = launch("serve", stderr=request.getfixturevalue(stalled))
    assert process.stdout.readline()  # what follows is said on standard error
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143


@pytest.mark.parametrize("stalled", ["full_pipe", "stopped_terminal"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_what_talks_to_somebody_who_does_not_listen(
    launch, request, stalled, number
):
    process = launch("serve", stderr=request.getfixturevalue(stalled))
    assert process.stdout.readline()  # what follows is said on standard error
    time.sleep(0.2)  # and it is waiting there by now
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(10) == 128 + number


def test_one_signal_ends_a_watch_whose_alerts_nobody_reads(launch, full_pipe, server):
    server.emulator.script("ann@example.com", *[404] * 100)
    Path("in.txt").write_text("ann@example.com\nbob@example.com\n")
    process = launch("watch", "in.txt", "--every", "1s", stderr=full_pipe)
    give_up = time.monotonic() + 20
    while len(server.asked) < 2 and time.monotonic() < give_up:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143


def test_who_reads_slowly_still_gets_all_that_is_said(launch):
    emails = "".join(f"user{number:06}@example.com\n" for number in range(20_000))
    Path("in.txt").write_text(emails)
    process = launch("check", "in.txt", "--dry-run", "-q")
    time.sleep(1)  # the pipe is full by now
    assert process.poll() is None
    assert process.stdout.read().decode() == emails
    assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_was_ignored_from_the_beginning_stays_so(launch, number):
    def ignore() -> None:
        signal.signal(number, signal.SIG_IGN)

    process = launch("serve", preexec_fn=ignore)
    assert process.stdout.readline()
    process.send_signal(number)
    time.sleep(0.3)
    assert process.poll() is None
    other = signal.SIGTERM if number == signal.SIGINT else signal.SIGINT
    process.send_signal(other)
    assert process.wait(10) == 128 + other


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_signal_that_comes_as_the_wait_for_it_begins_is_heard(loop):
    loops = asyncio if loop == "asyncio" else pytest.importorskip("uvloop")

    async def wait() -> int:
        interrupt = Interrupt()
        interrupt.listen()
        came = interrupt._came
        running_loop = came._get_loop

        def and_now() -> asyncio.AbstractEventLoop:
            """Called by `Event.wait` when it has found the event unset, and waits not yet."""
            os.kill(os.getpid(), signal.SIGTERM)
            return running_loop()

        came._get_loop = and_now
        await asyncio.wait_for(interrupt.wait(), 5)
        return interrupt.exit_status

    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        assert runner.run(wait()) == 143
