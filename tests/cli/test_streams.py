import io
import os
import sys

import pytest

from ltx_async.cli.exits import ReaderGoneError
from ltx_async.cli.terminal.streams import Outlet, _Descriptor, hurry, standard_streams
from ltx_async.files.errors import OutputFailedError, OutputRefusedError

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
        with standard_streams():
            for number in closed:
                with pytest.raises(OSError, match="Bad file descriptor"):
                    os.write(number, b"x") if number else os.read(number, 1)
        return 0 if os.open(os.devnull, os.O_RDONLY) > 2 else 2

    assert in_child(work) == 0


@pytest.fixture
def output():
    """What puts another descriptor in the place of standard output, until the end of the test."""
    kept = os.dup(1)

    def put(descriptor: int) -> None:
        os.dup2(descriptor, 1)
        os.close(descriptor)

    yield put
    os.dup2(kept, 1)
    os.close(kept)


def unread_pipe() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


FAILURES = {
    "full": (lambda: os.open("/dev/full", os.O_WRONLY), OutputFailedError, "disk full"),
    "closed": (lambda: os.open(os.devnull, os.O_RDONLY), OutputRefusedError, "is closed"),
    "unread": (unread_pipe, ReaderGoneError, "^$"),
}


@pytest.mark.parametrize(("made", "error", "words"), FAILURES.values(), ids=FAILURES)
def test_a_standard_output_that_fails_says_so_once(output, made, error, words):
    output(made())
    with standard_streams():
        sys.stdout.write("x")
        with pytest.raises(error, match=words):
            sys.stdout.flush()
        sys.stdout.write("y")
        sys.stdout.flush()


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_whatever_stood_for_a_standard_stream_comes_back(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    with standard_streams():
        assert isinstance(sys.stdout, Outlet)
        assert (sys.stdout.fileno(), sys.stderr.fileno()) == (1, 2)
        assert sys.stdout.isatty() == os.isatty(1)
    assert sys.stdout is sys.stderr is stream


def test_what_was_not_flushed_is_written_at_the_end(output):
    reading, writing = os.pipe()
    output(writing)
    with standard_streams():
        sys.stdout.write("x" * 5000)
    assert os.read(reading, 9000) == b"x" * 5000
    os.close(reading)


def test_a_reader_that_made_the_pipe_nonblocking_is_waited_for(output):
    """A shell's or another program's O_NONBLOCK holds for everybody who shares the pipe."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    output(writing)
    text = b"".join(b"%06d\n" % number for number in range(100_000))

    def work() -> int:
        got = b""
        while len(got) < len(text):
            got += os.read(reading, 100_000)
        return 0 if got == text else 1

    child = os.fork()
    if child == 0:
        os._exit(work())
    with standard_streams():
        sys.stdout.write(text.decode())
        sys.stdout.flush()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(reading)


def test_in_a_hurry_a_reader_gets_a_second(output, monkeypatch):
    reading, writing = os.pipe()
    output(writing)
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock.append(clock[-1] + 0.3) or clock[-1])
    with standard_streams():
        hurry()
        sys.stdout.write("x" * 200_000)
        sys.stdout.flush()
    assert len(os.read(reading, 300_000)) == 65_536
    os.close(reading)


def test_what_is_said_to_nobody_ends_nothing(monkeypatch):
    gone = unread_pipe()
    os.close(gone)
    said = Outlet(_Descriptor(gone), None)
    said.write("lost\n")
    said.flush()
    reading, writing = os.pipe()
    write, answers = os.write, [BlockingIOError(), OSError(5, "Input/output error")]

    def failing(descriptor, data):
        if descriptor == writing and answers:
            raise answers.pop(0)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", failing)
    said = Outlet(_Descriptor(writing), None)
    said.write("lost\n")
    said.flush()
    said.write("dropped too\n")
    said.flush()
    os.close(writing)
    assert (answers, os.read(reading, 100)) == ([], b"")
    os.close(reading)
