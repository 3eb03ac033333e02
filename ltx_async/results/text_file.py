"""Output writers: each record leaves in one `write`, to a private file or to standard output."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from attrs import define

from ltx_async.files.errors import removed, write_failure
from ltx_async.files.private import open_private
from ltx_async.files.sync import Syncer, sync_directory
from ltx_async.models import Lookup
from ltx_async.results.scanner import RecordFormat


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
