"""Where the bytes of an input come from: a file, or a pipe or terminal that may keep us waiting."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
import re
import shlex
import stat
from pathlib import Path
from typing import IO, Any, Final

from attrs import define, field

from ltx_async.files.errors import InputCutError, InputError, verify_name

STANDARD_INPUT: Final = "-"
_PIECE: Final = 64 << 10
# Opening a FIFO without a writer would block, and no signal would be handled meanwhile.
_READING: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@define
class ByteSource:
    """The bytes of one input, piece by piece, without ever blocking the loop on a pipe.

    Attributes:
        name: what to call it in messages.
        path: where it lies; None for what cannot be opened again.
        mode: the kind of file and its permissions, as `stat` has them.
        size: bytes in all; None if that cannot be known beforehand.
        offset: bytes read so far.
        stopped: whether nothing more is wanted.
    """

    name: str
    _descriptor: int
    path: str | None = None
    mode: int = field(init=False)
    size: int | None = field(init=False)
    offset: int = field(init=False, default=0)
    stopped: bool = field(init=False, default=False)
    _waiting: asyncio.Future[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        status = os.fstat(self._descriptor)
        self.mode = status.st_mode
        self.size = status.st_size if stat.S_ISREG(self.mode) else None

    @classmethod
    def open(cls, name: str, what: str = "") -> ByteSource:
        """Open a file for reading, or take standard input for `-`.

        Args:
            name: the file.
            what: words for messages, before its name.

        Raises:
            InputError: it cannot be read.
        """
        verify_name(name, InputError)
        shown = what + ("standard input" if name == STANDARD_INPUT else name)
        try:
            descriptor = 0 if name == STANDARD_INPUT else os.open(name, _READING)
            source = cls(shown, descriptor, None if name == STANDARD_INPUT else name)
            if stat.S_ISDIR(source.mode):
                source.close()
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        except OSError as error:
            hint = _hint_for(name, error)
            raise InputError(f"{shown}: {error.strerror}.", hint=hint) from error
        return source

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end or after `stop`.

        Raises:
            InputError: reading failed.
        """
        while not self.stopped:
            if self.size is None:
                await self._readable()
            data = b"" if self.stopped else self._piece()
            if data is not None:
                return data
        return b""

    def _piece(self) -> bytes | None:
        """Read what is there; None if another reader of the same pipe was faster."""
        try:
            data = os.read(self._descriptor, _PIECE)
        except BlockingIOError:
            return None
        except OSError as error:
            kind = InputCutError if self.offset else InputError
            raise kind(f"{self.name}: {error.strerror}.") from error
        self.offset += len(data)
        if not data:
            self._verify_length()
        return data

    def _verify_length(self) -> None:
        """Refuse the end of a file that is shorter than it was, as it was cut meanwhile."""
        expected = self.size or 0
        if self.offset < expected and os.fstat(self._descriptor).st_size < expected:
            raise InputCutError(f"{self.name}: has become shorter while it was read.")

    def stop(self) -> None:
        """Let a waiting `read` return, and every later one at once: nothing more is wanted."""
        self.stopped = True
        self._wake()

    def close(self) -> None:
        """Close the file, once; standard input stays open."""
        if self._descriptor > 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = ready = loop.create_future()
        try:
            loop.add_reader(self._descriptor, self._wake)
        except PermissionError:  # epoll takes no devices such as /dev/null; they do not block
            return
        except NotImplementedError:  # on Windows, waiting for a pipe blocks the loop
            return
        try:
            await ready
        finally:
            loop.remove_reader(self._descriptor)


def is_same_file(name: str, path: str) -> bool:
    """Whether an input of this name, `-` for standard input, is the file at `path`."""
    with contextlib.suppress(OSError, ValueError):
        status = os.fstat(0) if name == STANDARD_INPUT else Path(name).stat()
        return os.path.samestat(status, Path(path).stat())
    return False


def writing_state(path: Path) -> tuple[int, ...] | None:
    """Return values that change when a file is written or replaced; None if there is no file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@define
class StreamSource:
    """The bytes of a binary or text stream of Python, read in a thread, since it may block."""

    name: str
    _stream: IO[Any]
    path: str | None = field(default=None, init=False)
    size: int | None = field(default=None, init=False)
    offset: int = field(default=0, init=False)
    stopped: bool = field(default=False, init=False)

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end or after `stop`.

        Raises:
            InputError: reading failed.
        """
        if self.stopped:
            return b""
        try:
            data = await asyncio.to_thread(self._piece)
        except BlockingIOError as error:
            raise InputError(f"{self.name}: {_NOTHING_YET}.", hint=_BLOCKING) from error
        except (OSError, UnicodeError) as error:
            raise InputError(f"{self.name}: {error}.") from error
        data = _encoded(data) if isinstance(data, str) else data
        self.offset += len(data)
        return data

    def _piece(self) -> bytes | str:
        """Read what there is next, empty at the end alone.

        Raises:
            BlockingIOError: it is not at its end, but there is nothing just now.
        """
        data = getattr(self._stream, "read1", self._stream.read)(_PIECE)
        if data is None or (not data and _has_nothing_yet(self._stream)):
            raise BlockingIOError
        return data  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Read no further."""
        self.stopped = True

    def close(self) -> None:
        """Leave the stream to its owner."""


def _has_nothing_yet(stream: Any) -> bool:
    """Whether a stream that gave nothing has not ended: buffers make no difference of the two."""
    buffer = getattr(stream, "buffer", stream)
    if not isinstance(buffer, io.BufferedReader):
        return False
    raw = buffer.raw
    is_blocking = getattr(os, "get_blocking", None)  # Windows has none, before Python 3.12
    # A terminal that blocks would wait for another end; all others tell their end again.
    if isinstance(raw, io.FileIO) and (is_blocking is None or is_blocking(raw.fileno())):
        return False
    return bool(raw.read(1) != b"")


def _encoded(text: str) -> bytes:
    """Encode a text; what UTF-8 does not have becomes bytes that are not UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _hint_for(name: str, error: OSError) -> str | None:
    if isinstance(error, IsADirectoryError):
        return f"Name the files in it: {shlex.quote(name.rstrip('/'))}/*"
    if _ADDRESS_ON_THE_WEB.match(name):
        return f"It is a URL: curl -sSf {shlex.quote(name)} | ltx-async check -"
    return None


_NOTHING_YET: Final = "is a non-blocking stream, and has nothing to read just now"
_BLOCKING: Final = "Make it wait for data first: os.set_blocking(stream.fileno(), True)"
_ADDRESS_ON_THE_WEB: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
