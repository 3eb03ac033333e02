"""One process per output: advisory locks that end with their process, however it ends."""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from attrs import define

from ltx_async.files.claim import claim, in_use
from ltx_async.files.errors import FileError, opening_failure
from ltx_async.files.open_file import PRIVATE, OpenFile

try:
    _fcntl: Any = import_module("fcntl")
except ImportError:  # Windows
    _fcntl = None

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_LONGEST_NAME: Final = 255  # bytes; no usual file system takes more


def lock(file: OpenFile, output: Path | None = None) -> None:
    """Lock an open file until it is closed.

    The lock is advisory (`flock`): others may read, and whoever asks for no lock may write.
    Where the file system has none, the file `OUTPUT-locked` stands for it. Windows has neither.

    Args:
        file: what is locked, at its path.
        output: what it is locked for, where that is not the file itself.

    Raises:
        OutputRefusedError: another process has it, or has just put another file in its place.
    """
    assert file.path is not None
    output = output or file.path
    is_locked = _is_locked(file.descriptor)
    if is_locked is False:
        raise in_use(file.name)
    claimed = _beside(output, f"{output.name}-locked")
    # Another machine may reach the same directory by a file system without locks.
    if is_locked is None or os.path.lexists(claimed):
        file.unlock = claim(claimed, file.name).release
    if not file.is_in_place:
        raise in_use(file.name)
    _remove_draft(output)


def lock_draft(file: OpenFile) -> None:
    """Lock a file that is to take the place of one whose lock the caller has."""
    _is_locked(file.descriptor)


def draft_of(output: Path) -> Path:
    """Return where the new version of an output is begun: `.OUT.new`, or what there is room for."""
    return _beside(output, f".{output.name}.new")


def _beside(output: Path, name: str) -> Path:
    """Return a path in the directory of an output; a name that is too long is replaced."""
    if len(os.fsencode(name)) > _LONGEST_NAME:
        suffix = name.rpartition(output.name)[2]
        name = f".{blake2b(os.fsencode(output.name), digest_size=16).hexdigest()}{suffix}"
    return output.with_name(name)


def _remove_draft(output: Path) -> None:
    """Remove the unfinished new version that a killed process left behind."""
    with contextlib.suppress(OSError):
        draft_of(output).unlink()


def _is_locked(descriptor: int) -> bool | None:
    """Lock a file, or tell that another process has; None where the file system has no locks."""
    if _fcntl is None:
        return True
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
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
            OutputFailedError: the disk is full.
        """
        path = output.with_name(f"{output.name}-lock")
        try:
            file = OpenFile(str(output), os.open(path, _FLAGS, PRIVATE), path)
        except OSError as error:
            raise opening_failure(error, str(path), hint="Choose another directory.") from error
        try:
            lock(file, output)
        except FileError:
            file.close()
            raise
        return cls(path, file)

    def release(self) -> None:
        """Remove the file, then unlock it, so that nobody locks a file that is about to vanish."""
        self._file.remove()
        if os.name == "nt":  # pragma: no cover - there, no open file can be removed
            with contextlib.suppress(OSError):
                self.path.unlink()
