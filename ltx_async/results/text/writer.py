"""The writer of text: records leave whole, to a private file or to standard output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, Self

from attrs import define, field

from ltx_async.files.errors import OutputFailedError, UnsavedError
from ltx_async.files.open_file import OpenFile
from ltx_async.files.sync import Syncer
from ltx_async.results.output import T_contra, was_asked_for
from ltx_async.results.text.format import Encoding

if TYPE_CHECKING:
    from ltx_async.files.replacement import Replacement


class Older(Protocol[T_contra]):
    """Records of the file that is replaced, each of which stays until one takes its place."""

    def note(self, items: Sequence[T_contra], /) -> None:
        """Take what is written in the place of older records."""
        ...  # pragma: no cover

    def left(self) -> Iterator[bytes]:
        """Yield the records that nothing was written in the place of, many at a time.

        Raises:
            OSError: they cannot be read.
            ValueError: somebody has changed them meanwhile.
        """
        ...  # pragma: no cover

    def close(self) -> None:
        """Let the file go."""
        ...  # pragma: no cover


@define
class FileWriter(Generic[T_contra]):
    """Appends records to a regular file; those that come together leave in one `write`.

    Raises (from `write`, `write_all` and `close`):
        OutputFailedError: the disk is full, or the file cannot be written. The records in hand
            are then cut off again, so that the file ends with a whole one.
        UnsavedError: somebody has removed the file, or cut it.
    """

    _file: OpenFile
    _format: Encoding[T_contra]
    _syncer: Syncer | None = None
    _replacement: Replacement | None = None
    _older: Older[T_contra] | None = None
    _is_wanted: bool = field(default=False, init=False)
    _is_ending: bool = field(default=False, init=False)

    @classmethod
    def create(cls, path: Path, record_format: Encoding[T_contra]) -> Self:
        """Begin a new file, locked.

        Raises:
            FileError: it cannot be made or written.
        """
        from ltx_async.files.private import create_private  # noqa: PLC0415 - not for a stream

        return cls.at_end(create_private(path, locked=True), record_format, empty=True)

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

    @classmethod
    def replacing(cls, path: Path, record_format: Encoding[T_contra]) -> Self:
        """Begin a file beside `path`, whose place it takes with its first record.

        Raises:
            FileError: what is there cannot be replaced, another process has its lock, or
                nothing can be written there.
        """
        from ltx_async.files.replacement import Replacement  # noqa: PLC0415 - not for a stream

        replacement = Replacement.at(path)
        try:
            replacement.file.write(record_format.header)
        except BaseException:
            replacement.discard()
            raise
        return cls.of_replacement(replacement, record_format)

    @classmethod
    def of_replacement(
        cls,
        replacement: Replacement,
        record_format: Encoding[T_contra],
        older: Older[T_contra] | None = None,
    ) -> Self:
        """Take over a file beside another one, whose place it takes with its first record.

        Args:
            replacement: the two files.
            record_format: what records become bytes by.
            older: the records that are taken over in the end, where there is no new one.
        """
        writer = cls(replacement.file, record_format, replacement=replacement, older=older)
        writer._syncer = Syncer(writer._sync)
        return writer

    @property
    def name(self) -> str:
        """The file as it was named."""
        return self._file.name

    @property
    def in_place(self) -> bool:
        """Whether it is the file of its name, and not still to take the place of another."""
        return self._replacement is None

    async def write(self, item: T_contra, /) -> None:
        """Append one record; the first one that was asked for has the older file replaced."""
        await self.write_all((item,))

    async def write_all(self, items: Sequence[T_contra], /) -> None:
        """Append records, all of them or none."""
        if self._syncer is not None:
            self._syncer.touch()
        self._file.write(b"".join(map(self._format.encode, items)))
        if self._older is not None:
            self._older.note(items)
        if self._replacement is not None and any(map(was_asked_for, items)):
            await self.put_in_place()

    async def put_in_place(self) -> None:
        """Take the place of an older file, whether or not there is a record."""
        self._is_wanted = True
        if self._replacement is not None and self._syncer is not None:
            await self._syncer.catch_up()

    def _sync(self) -> None:
        """Bring what was written to the disk, and to its name."""
        if self._is_ending and (self._replacement is None or self._is_wanted):
            self._take_over()
        if self._replacement is None or not self._is_wanted:
            self._file.sync()
            return
        try:
            self._replacement.put_in_place()
        except OutputFailedError as error:
            if self._replacement.is_in_place:
                raise
            raise UnsavedError(error.message, hint=error.hint) from error
        finally:
            if self._replacement.is_in_place:
                self._replacement = None

    def _take_over(self) -> None:
        """Keep the records of the older file that nothing was written in the place of."""
        older, self._older = self._older, None
        if older is None:
            return
        with closing(older):
            try:
                for records in older.left():
                    self._file.write(records)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise OutputFailedError(
                    f"{self.name}: records that were not asked again are lost: {reason}."
                ) from error

    async def close(self) -> None:
        """Bring the file to the disk and close it; some report a full disk only now.

        One that has not taken the place of an older file is removed.
        """
        self._is_ending = True
        try:
            if self._syncer is not None:
                await self._syncer.close()
        finally:
            if self._older is not None:
                self._older.close()
            if self._replacement is None:
                self._file.close()
            else:
                self._replacement.discard()
