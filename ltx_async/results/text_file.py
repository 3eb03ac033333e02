"""Output writers: each record leaves in one `write`, to a private file or to standard output."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, Protocol, Self

from attrs import define

from ltx_async.files.open_file import OpenFile
from ltx_async.files.private import open_private
from ltx_async.files.sync import Syncer
from ltx_async.results.scanner import Encoding, T_contra


class Writer(Protocol[T_contra]):
    """Where lookups, or other things that become lines, are kept."""

    async def write(self, item: T_contra, /) -> None:
        """Write one whole, or raise."""
        ...  # pragma: no cover

    async def close(self) -> None:
        """Finish; to be called once."""
        ...  # pragma: no cover


@define
class FileWriter(Generic[T_contra]):
    """Appends records to a regular file, one `write` each.

    Raises (from `write` and `close`):
        OutputFailedError: the disk is full, or the file cannot be written. The record in hand
            is then cut off again, so that the file ends with a whole one.
        UnsavedError: somebody has removed the file, or cut it.
    """

    _file: OpenFile
    _format: Encoding[T_contra]
    _syncer: Syncer | None = None

    @classmethod
    def create(cls, path: Path, record_format: Encoding[T_contra], *, overwrite: bool) -> Self:
        """Open `path` as `open_private` does, locked, and write what the format begins with.

        Raises:
            FileError: it cannot be opened or written, or another process has its lock.
        """
        file = open_private(path, overwrite=overwrite, locked=True)
        return cls.at_end(file, record_format, empty=True)

    @classmethod
    def at_end(cls, file: OpenFile, record_format: Encoding[T_contra], *, empty: bool) -> Self:
        """Take over an open file, and begin it where it is `empty`.

        Raises:
            OutputFailedError: it cannot be written; it is closed then.
        """
        try:
            if empty:
                file.write(record_format.header)
                file.sync()
                file.sync_name()
        except BaseException:
            file.close()
            raise
        return cls(file, record_format, Syncer(file.sync))

    async def write(self, item: T_contra, /) -> None:
        """Append one record."""
        if self._syncer is not None:
            self._syncer.touch()
        self._file.write(self._format.encode(item))

    async def close(self) -> None:
        """Bring the file to the disk and close it; some report a full disk only now."""
        try:
            if self._syncer is not None:
                await self._syncer.close()
        finally:
            self._file.close()
