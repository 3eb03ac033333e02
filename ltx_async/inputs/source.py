"""Where the bytes of an input come from: a file, or a pipe or terminal that may keep us waiting."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

from attrs import define, field

from ltx_async.files.errors import InputCutError, InputError

STANDARD_INPUT: Final = "-"
_PIECE: Final = 64 << 10
# A FIFO that has no writer yet must not hold us up where no signal is heard.
_READING: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)


@define
class ByteSource:
    """The bytes of one input, piece by piece, without ever blocking the loop on a pipe.

    Attributes:
        name: what to call it in messages.
        mode: the kind of file and its permissions, as `stat` has them.
        size: bytes in all, None where that cannot be known beforehand.
        offset: bytes read so far.
    """

    name: str
    _descriptor: int
    mode: int = field(init=False)
    size: int | None = field(init=False)
    offset: int = field(init=False, default=0)
    _stopped: bool = field(init=False, default=False)
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
            what: is said of it in messages, before its name.

        Raises:
            InputError: it cannot be read.
        """
        shown = what + ("standard input" if name == STANDARD_INPUT else name)
        try:
            source = cls(shown, 0 if name == STANDARD_INPUT else os.open(name, _READING))
            if stat.S_ISDIR(source.mode):
                source.close()
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        except OSError as error:
            raise InputError(f"{shown}: {error.strerror}.") from error
        return source

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end or after `stop`.

        Raises:
            InputError: reading failed.
        """
        while not self._stopped:
            if self.size is None:
                await self._readable()
            data = b"" if self._stopped else self._piece()
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
        """Refuse to take for the end of a file what is left of one that was cut meanwhile."""
        expected = self.size or 0
        if self.offset < expected and os.fstat(self._descriptor).st_size < expected:
            raise InputCutError(f"{self.name}: has become shorter while it was read.")

    def stop(self) -> None:
        """Let a waiting `read` return, and every later one at once: nothing more is wanted."""
        self._stopped = True
        self._wake()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._descriptor:
            os.close(self._descriptor)

    def is_file(self, path: str) -> bool:
        """Whether this input is the file at `path`."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(self._descriptor), Path(path).stat())
        return False

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
        try:
            await ready
        finally:
            loop.remove_reader(self._descriptor)
