"""Results to a pipe, a terminal or a socket."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import select
import stat
from pathlib import Path
from typing import Final, Generic, TypeVar

from attrs import define, field

from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.open_file import OpenFile
from ltx_async.models import Lookup
from ltx_async.results.output import Writer
from ltx_async.results.text.format import Encoding, TextFormat
from ltx_async.results.text.writer import FileWriter

STANDARD_OUTPUT: Final = "-"
_STANDARD_OUTPUT: Final = frozenset(
    {STANDARD_OUTPUT, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}
)
_NAME: Final = "standard output"
_OPEN_ALREADY: Final = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,7})")
_WRITING: Final = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_PAUSE: Final = 0.05  # seconds between looks for a reader of a named pipe
# A pipe that select calls writable takes this many bytes without blocking (POSIX). Windows can
# wait for sockets only: there, records are written at once, and a slow reader blocks the loop.
_AT_A_TIME: Final = getattr(select, "PIPE_BUF", 512)

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
    _owned: bool = False
    _unsent: bytes = field(init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self._unsent = self._format.header

    async def write(self, item: T, /) -> None:
        """Write one record."""
        self._unsent += self._format.encode(item)
        await self._send()

    async def close(self) -> None:
        """Send what is left; a stream that was open before stays open."""
        try:
            await self._send()
        finally:
            if self._owned:
                self._file.close()

    async def _send(self) -> None:
        async with self._turn:
            while self._unsent:
                await self._writable()
                try:
                    sent = self._file.write_some(self._unsent[:_AT_A_TIME])
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


def standard_output(form: Encoding[T], descriptor: int = 1, name: str = _NAME) -> Writer[T]:
    """Return the writer that suits what standard output is connected to, or another descriptor.

    Raises:
        OutputRefusedError: it is closed.
        OutputFailedError: what the format begins with cannot be written.
    """
    if not _is_writable(descriptor):
        raise OutputRefusedError(f"{name} is closed.", hint="Connect it to a file or a pipe.")
    mode = os.fstat(descriptor).st_mode
    waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
    if waits and hasattr(select, "PIPE_BUF"):
        return StreamWriter(OpenFile(name, descriptor), form)
    file = OpenFile(name, os.dup(descriptor))
    file.write(form.header)
    return FileWriter(file, form)


def is_standard_output(name: str) -> bool:
    """Whether a name means standard output."""
    return name in _STANDARD_OUTPUT


def is_stream(name: str) -> bool:
    """Whether a name means standard output, a descriptor, a pipe or a device, and no file."""
    if is_standard_output(name) or _descriptor_of(name) is not None:
        return True
    try:
        mode = Path(name).stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


async def open_stream(name: str, form: TextFormat) -> Writer[Lookup]:
    """Open a stream by its name; for a named pipe, wait until somebody reads it.

    On a terminal, nothing in a record has an effect.

    Raises:
        OutputRefusedError: it is closed, or cannot be opened.
    """
    if name in _STANDARD_OUTPUT:
        return standard_output(_shown(form, 1))
    descriptor = _descriptor_of(name)
    if descriptor is not None:
        return standard_output(_shown(form, descriptor), descriptor, name)
    while True:
        try:
            # A blocking call would keep signals from being handled until a reader comes.
            opened = os.open(name, _WRITING)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise OutputRefusedError(f"{name}: {error.strerror}.") from error
        else:
            return StreamWriter(OpenFile(name, opened), _shown(form, opened), owned=True)
        await asyncio.sleep(_PAUSE)


def _shown(form: TextFormat, descriptor: int) -> TextFormat:
    """Return the format of records for what is at a descriptor."""
    return form.on_a_terminal if os.isatty(descriptor) else form


def _descriptor_of(name: str) -> int | None:
    found = _OPEN_ALREADY.fullmatch(name)
    return None if found is None else int(found[1])


def _is_writable(descriptor: int) -> bool:
    try:
        os.write(descriptor, b"")
    except OSError as error:
        return error.errno != errno.EBADF
    return True
