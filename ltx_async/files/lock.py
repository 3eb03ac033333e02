"""One process per output: advisory locks that end with their process, however it ends."""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from attrs import define

from ltx_async.files.errors import OutputRefusedError
from ltx_async.files.open_file import PRIVATE, OpenFile

try:
    _fcntl: Any = import_module("fcntl")
except ImportError:  # Windows
    _fcntl = None

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_LONGEST_NAME: Final = 255  # bytes; no usual file system takes more
_WAIT: Final = "Wait until that has ended, or choose another output."


def lock(file: OpenFile) -> None:
    """Lock an open file until it is closed.

    The lock is advisory (`flock`): others may read, and whoever asks for no lock may write.
    Windows and some network file systems have none, and then there is none.

    Raises:
        OutputRefusedError: another process has it, or has just put another file in its place.
    """
    if not _locked(file.descriptor) or not file.is_in_place:
        raise OutputRefusedError(f"{file.name}: another ltx-async is writing to it.", hint=_WAIT)
    if file.path is not None:
        _remove_draft(file.path)


def lock_draft(file: OpenFile) -> None:
    """Lock a file that is to take the place of one whose lock the caller has."""
    _locked(file.descriptor)


def draft_of(output: Path) -> Path:
    """Return where the new version of an output is begun: `.OUT.new`, or what there is room for."""
    name = f".{output.name}.new"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{blake2b(os.fsencode(output.name), digest_size=16).hexdigest()}.new"
    return output.with_name(name)


def _remove_draft(output: Path) -> None:
    """Remove what a killed process left of a new version: it was never put in place."""
    with contextlib.suppress(OSError):
        draft_of(output).unlink()


def _locked(descriptor: int) -> bool:
    if _fcntl is None:
        return True
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks: better unguarded than of no use
    return True


@define
class LockFile:
    """A file that is there only to be locked, for an output that must not be opened twice.

    SQLite is such an output: closing any other descriptor of a database drops the locks that
    SQLite itself holds (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """

    path: Path
    _file: OpenFile

    @classmethod
    def beside(cls, output: Path) -> LockFile:
        """Lock `OUTPUT-lock`; one that a killed process left behind is as good as a new one.

        Raises:
            OutputRefusedError: another process has it, or it cannot be made.
        """
        path = output.with_name(f"{output.name}-lock")
        try:
            file = OpenFile(str(output), os.open(path, _FLAGS, PRIVATE), path)
        except OSError as error:
            raise OutputRefusedError(
                f"{path}: {error.strerror}.", hint="Choose another directory."
            ) from error
        try:
            lock(file)
        except OutputRefusedError:
            file.close()
            raise
        _remove_draft(output)
        return cls(path, file)

    def release(self) -> None:
        """Remove the file and the lock, in this order: nobody can lock what is to vanish."""
        self._file.remove()
        if os.name == "nt":  # pragma: no cover - there, no open file can be removed
            with contextlib.suppress(OSError):
                self.path.unlink()
