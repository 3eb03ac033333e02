"""Results to a pipe, a terminal or a socket."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import stat
from typing import Final, Generic, TypeVar

from attrs import define, field

from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.open_file import OpenFile
from ltx_async.results.scanner import Encoding
from ltx_async.results.text_file import FileWriter, Writer

_NAME: Final = "standard output"

T = TypeVar("T")


@define
class StreamWriter(Generic[T]):
    """Writes records to a pipe, a terminal or a socket, without ever blocking the loop.

    Whoever reads slowly slows the run down; timers and signals go on. A record whose
    `write` is cancelled is finished by the next `write` or by `close`: none is torn.

    Raises (from `write` and `close`):
        BrokenPipeError: nobody reads any more.
        OutputFailedError: any other failure.
    """

    _file: OpenFile
    _format: Encoding[T]
    _unsent: bytes = field(default=b"", init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def write(self, item: T, /) -> None:
        """Write one record."""
        self._unsent += self._format.encode(item)
        await self._send()

    async def close(self) -> None:
        """Send what is left; the stream itself stays open, as it is not ours."""
        await self._send()

    async def _send(self) -> None:
        async with self._turn:
            while self._unsent:
                await self._writable()
                # What select calls writable takes this much without blocking (POSIX: PIPE_BUF).
                try:
                    sent = self._file.write_some(self._unsent[: select.PIPE_BUF])
                except BlockingIOError:
                    continue
                except (OutputFailedError, BrokenPipeError):
                    self._unsent = b""
                    raise
                self._unsent = self._unsent[sent:]

    async def _writable(self) -> None:
        if select.select((), (self._file.descriptor,), (), 0)[1]:
            return
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self._file.descriptor, _resolve, ready)
        try:
            await ready
        finally:
            loop.remove_writer(self._file.descriptor)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def standard_output(record_format: Encoding[T], descriptor: int = 1) -> Writer[T]:
    """Return the writer that suits what standard output is connected to.

    Raises:
        OutputRefusedError: it is closed.
    """
    if not _is_writable(descriptor):
        raise OutputRefusedError(
            "standard output is closed.", hint="Connect it to a file or a pipe."
        )
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor):
        return StreamWriter(OpenFile(_NAME, descriptor), record_format)
    return FileWriter(OpenFile(_NAME, os.dup(descriptor)), record_format)


def _is_writable(descriptor: int) -> bool:
    try:
        os.write(descriptor, b"")
    except OSError as error:
        return error.errno != errno.EBADF
    return True
