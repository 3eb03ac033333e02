"""Put a new version of a file in the place of an old one, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

from attrs import define

from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.lock import draft_of, lock_draft
from ltx_async.files.open_file import PRIVATE, OpenFile
from ltx_async.files.private import create_private, reopen_private, verify_replaceable

_UNTOUCHED: Final = "What was there before is as it was; make room, then run again."
_PERMISSIONS: Final = 0o777


@define
class Replacement:
    """A private file beside another one, whose place it takes once it is on the disk.

    It is a context manager: what was not put in place by the end of the block is removed.

    Raises (from every method):
        OutputFailedError: the disk is full, or the file cannot be written.

    Attributes:
        file: the new version; its name in messages is that of the file to be replaced.
        draft: where it is begun.
    """

    file: OpenFile
    draft: Path
    _path: Path
    _old: OpenFile | None = None
    _give_up: Callable[[], None] = lambda: None

    @classmethod
    def beside(cls, path: Path, draft: Path) -> Self:
        """Begin a new version of `path` in the file `draft` of the same directory.

        Raises:
            OutputRefusedError: it cannot be made.
        """
        return cls(_begun(path, draft), draft, path)

    @classmethod
    def of(cls, old: OpenFile, give_up: Callable[[], None] | None = None) -> Self:
        """Begin a replacement of a file that is open and locked.

        Its mode is kept, unless it is empty: a file without results cannot have been made
        readable for others on purpose.

        Args:
            old: the file, which is closed once it is replaced.
            give_up: what to do with it otherwise; it is closed by default.

        Raises:
            OutputRefusedError: nothing can be made beside it.
        """
        assert old.path is not None
        draft = draft_of(old.path)
        if os.path.lexists(draft):
            raise OutputRefusedError(f"{draft}: is in the way.", hint="Remove it.")
        file = _begun(old.path, draft)
        try:
            lock_draft(file)
            if old.size:
                file.set_mode(PRIVATE | old.mode & _PERMISSIONS)
        except BaseException:
            file.remove()
            raise
        return cls(file, draft, old.path, old, give_up or old.close)

    @classmethod
    def at(cls, path: Path, *, locked: bool = True) -> Self:
        """Begin a replacement of what is at `path`; if nothing is there, an empty file is made.

        Args:
            path: the file.
            locked: take its lock, and hold it on.

        Raises:
            OutputRefusedError: what is there cannot be replaced, or nothing can be made there.
        """
        try:
            old = reopen_private(path, locked=locked)
            give_up = old.close
        except FileNotFoundError:
            old = create_private(path, locked=locked)
            give_up = old.remove
        try:
            return cls.of(old, give_up)
        except BaseException:
            give_up()
            raise

    def put_in_place(self) -> OpenFile:
        """Take the place of the file; return the new one, locked and open for appending."""
        self.file.sync()
        try:
            self.file.move_to(self._path)
        finally:
            if self.is_in_place and self._old is not None:
                self.file.when_full = self._old.when_full
                self.file.unlock, self._old.unlock = self._old.unlock, None
                self._old.close()
        return self.file

    @property
    def is_in_place(self) -> bool:
        """Whether it has taken the place of the file."""
        return self.file.path == self._path

    def discard(self) -> None:
        """Leave everything as it was before, unless it has taken the place of the file."""
        if not self.is_in_place:
            self.file.remove()
            self._give_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def _begun(path: Path, draft: Path) -> OpenFile:
    try:
        file = create_private(draft, shown=path)
    except OutputFailedError:
        draft.unlink(missing_ok=True)
        raise
    file.when_full = _UNTOUCHED
    return file


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
    # Two processes may write the same file at once: each has its own draft, and the last one wins.
    with Replacement.beside(path, path.with_name(f".ltx-async-{token_hex(8)}")) as new:
        new.file.set_mode(mode)
        new.file.write(data)
        new.file.sync()
        new.file.close()  # Windows moves no open file
        with contextlib.nullcontext() if overwrite else _taken(path):
            new.file.move_to(path)


@contextlib.contextmanager
def _taken(path: Path) -> Iterator[None]:
    """Create an empty file that reserves the name, and remove it if the block fails."""
    create_private(path).close()
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
