"""One process per output: advisory locks that end with their process, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

from attrs import define

from ltx_async.files.errors import CommandError

if sys.platform != "win32":
    import fcntl

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def lock(descriptor: int, path: Path) -> None:
    """Lock the open file at `path` until its descriptor is closed.

    The lock is advisory (`flock`): others may read, and whoever asks for no lock may write.
    Windows and some network file systems have none, and then there is none.

    Raises:
        CommandError: another process has it, or has just put another file in its place.
    """
    if not _locked(descriptor) or not _is_at(descriptor, path):
        raise CommandError(
            f"{path}: another ltx-async is writing to it.",
            "Wait until that has ended, or choose another output.",
        )


def _locked(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks: better unguarded than of no use
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


@define
class LockFile:
    """A file that is there only to be locked, for an output that must not be opened twice.

    SQLite is such an output: closing any other descriptor of a database drops the locks that
    SQLite itself holds (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """

    path: Path
    _descriptor: int

    @classmethod
    def beside(cls, output: Path) -> LockFile:
        """Lock `OUTPUT-lock`; one that a killed process left behind is as good as a new one.

        Raises:
            CommandError: another process has it, or it cannot be made.
        """
        path = output.with_name(f"{output.name}-lock")
        try:
            descriptor = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            failure = CommandError(f"{path}: {error.strerror}.", "Choose another directory.")
        else:
            try:
                lock(descriptor, path)
            except CommandError:
                os.close(descriptor)
                raise CommandError(
                    f"{output}: another ltx-async is writing to it.",
                    "Wait until that has ended, or choose another output.",
                ) from None
            return cls(path, descriptor)
        raise failure

    def release(self) -> None:
        """Remove the file and the lock, in this order: nobody can lock what is to vanish."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._descriptor)
