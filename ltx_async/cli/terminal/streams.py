"""Standard output and error for commands: failures become errors, and no reader blocks the end."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TextIO

from ltx_async.cli.exits import ReaderGoneError
from ltx_async.cli.terminal.encoding import spell_out_the_unknown
from ltx_async.errors import LTXError
from ltx_async.files.errors import OutputRefusedError, write_failure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_OUTPUT: Final = 1
_ERROR: Final = 2
_NAME: Final = "standard output"
_PATIENCE: Final = 1.0  # seconds after a signal in which the last lines must be written
_LOOK: Final = 0.1
# A descriptor that select calls writable takes this many bytes without blocking: a pipe by
# POSIX, a pseudo-terminal because Linux counts its free space in blocks of 256.
_PIPE_PIECE: Final = getattr(select, "PIPE_BUF", 512)
_TERMINAL_PIECE: Final = 256


class _Descriptor(io.RawIOBase):
    """Writes to a descriptor, and waits for its reader as long as no signal has come."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._piece = _TERMINAL_PIECE if os.isatty(descriptor) else _PIPE_PIECE
        self._hurried_at: float | None = None
        self._failed = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it leads to a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True: `write` deals with what cannot be written."""
        return True

    def hurry(self) -> None:
        """From now on, leave out what the reader does not take soon."""
        self._hurried_at = time.monotonic()

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of the bytes; what follows a failure is dropped."""
        piece = memoryview(data)[: self._piece]
        while not self._failed and self._has_room():
            try:
                return os.write(self._descriptor, piece)
            except BlockingIOError:  # another program has set the pipe to O_NONBLOCK
                time.sleep(0.01)
            except OSError as error:
                self._failed = True
                self.fail(error)
        return len(piece)

    def fail(self, error: OSError) -> None:
        """Do nothing: a command does not end because nobody reads its messages."""

    def _has_room(self) -> bool:
        while not self._takes_more():
            at = self._hurried_at
            if at is not None and time.monotonic() > at + _PATIENCE:
                return False
        return True

    def _takes_more(self) -> bool:
        try:
            return bool(select.select((), (self._descriptor,), (), _LOOK)[1])
        except (OSError, ValueError):  # closed, or on Windows: the write will tell
            return True


class _Output(_Descriptor):
    """Standard output, whose failures are those of a file of results."""

    def fail(self, error: OSError) -> None:
        """Say what a failed write means.

        Raises:
            ReaderGoneError: nobody reads any more.
            OutputRefusedError: it was closed from the beginning.
            OutputFailedError: any other failure.
        """
        if isinstance(error, BrokenPipeError):
            raise ReaderGoneError
        if error.errno == errno.EBADF:
            raise OutputRefusedError(f"{_NAME} is closed.", hint="Connect it to a file or a pipe.")
        raise write_failure(error, _NAME)


class Outlet(io.TextIOWrapper):
    """Text to standard output or error."""

    def __init__(self, raw: _Descriptor, instead_of: TextIO | None) -> None:
        super().__init__(
            io.BufferedWriter(raw),
            encoding=None if instead_of is None else instead_of.encoding,
            errors=None if instead_of is None else instead_of.errors,
            line_buffering=raw.fileno() == _ERROR or raw.isatty(),
        )
        self._raw = raw

    def hurry(self) -> None:
        """From now on, leave out what the reader does not take soon."""
        self._raw.hurry()


def hurry() -> None:
    """From now on, drop output that is not read soon, so that the command can end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Outlet):
            stream.hurry()


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Replace `sys.stdout` and `sys.stderr` for the block, closed ones as well.

    If `sys.stderr` is None, `print` and others use standard output, and messages would stand
    between the records.
    """
    _occupy_streams()
    kept = sys.stdout, sys.stderr
    if os.name == "posix":  # on Windows, a console is written to by calls of its own
        sys.stdout = Outlet(_Output(_OUTPUT), kept[0])
        sys.stderr = Outlet(_Descriptor(_ERROR), kept[1])
    spell_out_the_unknown()
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(LTXError, ReaderGoneError):  # another error ends it already
                stream.flush()
        sys.stdout, sys.stderr = kept


def _occupy_streams() -> None:
    """Keep a closed standard stream from being taken by another file; libuv aborts on that.

    The stand-in can be neither read nor written, so that using the stream still fails.
    """
    for number, useless in ((0, os.O_WRONLY), (_OUTPUT, os.O_RDONLY), (_ERROR, os.O_RDONLY)):
        try:
            os.fstat(number)
        except OSError:
            # A new descriptor gets the lowest free number, which is this stream's.
            os.set_inheritable(os.open(os.devnull, useless), True)  # noqa: FBT003
