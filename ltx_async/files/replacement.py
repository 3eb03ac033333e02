"""Put a new version of a file in the place of an old one, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

from attrs import define

from ltx_async.files.errors import OutputFailedError
from ltx_async.files.open_file import PRIVATE, OpenFile
from ltx_async.files.private import open_private, verify_replaceable

_UNTOUCHED: Final = "What was there before is as it was; make room, then run again."


@define
class Replacement:
    """A private file beside another one, whose place it takes once it is on the disk.

    It is a context manager: what was not put in place by the end of the block is removed.

    Raises (from every method):
        OutputFailedError: the disk is full, or the file cannot be written.

    Attributes:
        file: the new version; its name in messages is that of the file to be replaced.
    """

    file: OpenFile
    _path: Path
    _draft: Path

    @classmethod
    def beside(cls, path: Path, draft: str, *, locked: bool = False) -> Replacement:
        """Begin a new version of `path` in a file of the name `draft` in the same directory.

        Raises:
            OutputRefusedError: it cannot be made.
        """
        beside = path.with_name(draft)
        try:
            file = open_private(beside, overwrite=False, locked=locked, shown=path)
        except OutputFailedError:
            beside.unlink(missing_ok=True)
            raise
        file.when_full = _UNTOUCHED
        return cls(file, path, beside)

    @classmethod
    def of_locked(cls, path: Path) -> Replacement:
        """Begin a replacement of `path`, whose lock the caller has.

        What a killed process left of an earlier one is removed: it was never put in place.
        """
        draft = f".{path.name}.new"
        with contextlib.suppress(OSError):
            path.with_name(draft).unlink()
        return cls.beside(path, draft, locked=True)

    def put_in_place(self) -> OpenFile:
        """Take the place of the file; return the new one, locked and open for appending."""
        self.file.sync()
        self.file.move_to(self._path)
        return self.file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.file.path != self._path:
            self.file.close()
            with contextlib.suppress(OSError):
                self._draft.unlink()


def write_whole(path: Path, data: bytes, *, overwrite: bool = True, mode: int = PRIVATE) -> None:
    """Make `data` the content of `path`, or leave what is there: nobody ever sees a part of it.

    Args:
        path: the file; a new one takes the place of an old one.
        data: all of it.
        overwrite: whether it may exist.
        mode: who may read and write it.

    Raises:
        OutputRefusedError: as `verify_replaceable`.
        OutputFailedError: the disk is full, or the file cannot be written.
    """
    verify_replaceable(path, overwrite=overwrite)
    # Two processes may write the same file, of which the last one wins: each has its own draft.
    with Replacement.beside(path, f".ltx-async-{token_hex(8)}") as new:
        new.file.set_mode(mode)
        new.file.write(data)
        new.file.sync()
        new.file.close()  # Windows moves no open file
        with contextlib.nullcontext() if overwrite else _taken(path):
            new.file.move_to(path)


@contextlib.contextmanager
def _taken(path: Path) -> Iterator[None]:
    """Take a name that nobody else may take meanwhile, and give it back on failure."""
    open_private(path, overwrite=False).close()
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
