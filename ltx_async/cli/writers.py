"""Output writers: each record leaves in one `write`, to a private file or to standard output."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import select
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from attrs import define, field, frozen

from ltx_async.cli.endings import CommandError, removed, write_failure
from ltx_async.cli.privatefile import open_private
from ltx_async.cli.records import COLUMNS, Cell, neutralised, record_of, row_of
from ltx_async.cli.resume import CSVLayout, JSONLayout, Layout
from ltx_async.cli.syncing import Syncer, sync_directory
from ltx_async.models import Lookup

_encode_json: Final = json.JSONEncoder(ensure_ascii=True).encode
_NEEDS_QUOTES: Final = frozenset(',"\r\n')


@frozen
class RecordFormat:
    """How lookups become bytes.

    Attributes:
        header: what a file begins with.
        encode: one lookup as bytes, its line end included.
        layout: how to find the lookups again.
    """

    header: bytes
    encode: Callable[[Lookup], bytes]
    layout: Layout


def json_line(lookup: Lookup) -> bytes:
    """Return a record as one line of ASCII JSON."""
    return _encode_json(record_of(lookup)).encode() + b"\n"


def csv_line(cells: tuple[Cell, ...]) -> bytes:
    """Return one row (RFC 4180, but for its LF); text is neutralised, numbers stay numbers."""
    return ",".join(map(_cell, cells)).encode("utf-8", "backslashreplace") + b"\n"


def _cell(value: Cell) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = neutralised(value)
    if text == text.strip() and _NEEDS_QUOTES.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


JSON_LINES: Final = RecordFormat(b"", json_line, JSONLayout())
CSV: Final = RecordFormat(csv_line(COLUMNS), lambda lookup: csv_line(row_of(lookup)), CSVLayout())


class Writer(Protocol):
    """Where lookups are kept."""

    async def write(self, lookup: Lookup) -> None:
        """Write one record whole, or raise."""
        ...  # pragma: no cover

    async def close(self) -> None:
        """Finish; to be called once."""
        ...  # pragma: no cover


@define
class FileWriter:
    """Appends records to a regular file, one `write` each.

    Raises (from `write` and `close`):
        CommandError: the disk is full, or the file cannot be written. The record in hand is
            then cut off again, so that the file ends with a whole one.
        UnsavedError: somebody has removed the file.
    """

    _name: str
    _descriptor: int
    _format: RecordFormat
    _syncer: Syncer | None = None

    @classmethod
    def create(cls, path: Path, record_format: RecordFormat, *, overwrite: bool) -> FileWriter:
        """Open `path` as `open_private` does, locked, and write what the format begins with.

        Raises:
            CommandError: it cannot be opened or written, or another process has its lock.
        """
        descriptor = open_private(path, overwrite=overwrite, locked=True)
        return cls.at_end(path, descriptor, record_format, empty=True)

    @classmethod
    def at_end(
        cls, path: Path, descriptor: int, record_format: RecordFormat, *, empty: bool
    ) -> FileWriter:
        """Take over the open file at `path`, and begin it where it is `empty`.

        Raises:
            CommandError: it cannot be written; it is closed then.
        """
        syncer = Syncer(partial(_synced, descriptor, str(path)))
        writer = cls(str(path), descriptor, record_format, syncer)
        try:
            if empty:
                writer._append(record_format.header)
                writer._attempt(partial(os.fsync, descriptor))
                writer._attempt(partial(sync_directory, path.parent))
        except BaseException:
            os.close(descriptor)
            raise
        return writer

    async def write(self, lookup: Lookup) -> None:
        """Append one record."""
        if self._syncer is not None:
            self._attempt(self._syncer.touch)
        self._append(self._format.encode(lookup))

    async def close(self) -> None:
        """Bring the file to the disk and close it; some report a full disk only now."""
        try:
            if self._syncer is not None:
                await self._syncer.close()
        except OSError as error:
            failure = write_failure(error, self._name)
        else:
            return
        finally:
            self._attempt(partial(os.close, self._descriptor))
        raise failure

    def _attempt(self, call: Callable[[], None]) -> None:
        try:
            call()
        except OSError as error:
            failure = write_failure(error, self._name)
        else:
            return
        raise failure

    def _append(self, data: bytes) -> None:
        written = 0
        try:
            # A regular file takes less than all only when the disk is about to be full.
            while written < len(data):
                written += os.write(self._descriptor, data[written:] if written else data)
        except OSError as error:
            self._cut_back(written)
            failure = write_failure(error, self._name)
        else:
            return
        raise failure

    def _cut_back(self, written: int) -> None:
        if written:
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)


def _synced(descriptor: int, name: str) -> None:
    """Bring a file to the disk, and make sure that it is to be found there."""
    os.fsync(descriptor)
    if not os.fstat(descriptor).st_nlink:
        raise removed(name)


@define
class StreamWriter:
    """Writes records to a pipe, a terminal or a socket, without ever blocking the loop.

    Whoever reads slowly slows the run down; timers and signals go on. A record whose
    `write` is cancelled is finished by the next `write` or by `close`: none is torn.

    Raises (from `write` and `close`):
        BrokenPipeError: nobody reads any more.
        CommandError: any other failure.
    """

    _descriptor: int
    _format: RecordFormat
    _unsent: bytes = field(default=b"", init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def write(self, lookup: Lookup) -> None:
        """Write one record."""
        self._unsent += self._format.encode(lookup)
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
                    sent = os.write(self._descriptor, self._unsent[: select.PIPE_BUF])
                except BlockingIOError:
                    continue
                except OSError as error:
                    self._unsent = b""
                    failure = write_failure(error, "standard output")
                else:
                    self._unsent = self._unsent[sent:]
                    continue
                raise failure

    async def _writable(self) -> None:
        if select.select((), (self._descriptor,), (), 0)[1]:
            return
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self._descriptor, _resolve, ready)
        try:
            await ready
        finally:
            loop.remove_writer(self._descriptor)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def standard_output(record_format: RecordFormat, descriptor: int = 1) -> Writer:
    """Return the writer that suits what standard output is connected to.

    Raises:
        CommandError: it is closed.
    """
    if not _is_writable(descriptor):
        raise CommandError("standard output is closed.", "Connect it to a file or a pipe.")
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor):
        return StreamWriter(descriptor, record_format)
    return FileWriter("standard output", os.dup(descriptor), record_format)


def _is_writable(descriptor: int) -> bool:
    try:
        os.write(descriptor, b"")
    except OSError as error:
        return error.errno != errno.EBADF
    return True
