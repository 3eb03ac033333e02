import asyncio
import os
import pty
import signal
import termios

import pytest

from ltx_async.cli.runtime import Interrupt, _occupy_streams

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="closes streams in a child")


def in_child(work) -> int:
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        except BaseException:  # noqa: BLE001 - a child must not run the tests on
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2), ()])
def test_a_closed_stream_is_taken_by_what_nobody_can_use(closed):
    def work() -> int:
        for number in closed:
            os.close(number)
        _occupy_streams()
        for number in closed:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(number, b"x") if number else os.read(number, 1)
        return 0 if os.open(os.devnull, os.O_RDONLY) > 2 else 2

    assert in_child(work) == 0


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
