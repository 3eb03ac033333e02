"""Open files for results: readable by their owner alone, and never through a symbolic link."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from ltx_async.files.errors import CommandError, write_failure
from ltx_async.files.lock import lock

_PRIVATE: Final = 0o600
# Windows has neither flag: there, what a link points to is opened.
_SAFELY: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def open_private(path: Path, *, overwrite: bool, locked: bool = False) -> int:
    """Return a descriptor that appends to `path`, new or emptied, with mode 0600.

    Args:
        path: the file.
        overwrite: whether it may exist.
        locked: take the lock of the file before it is emptied.

    Raises:
        CommandError: it exists and `overwrite` is not given, it is a symbolic link or no
            regular file, it cannot be opened, or another process has its lock.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFELY
    # O_NONBLOCK: a FIFO without a reader must be refused, not waited for.
    flags |= getattr(os, "O_NONBLOCK", 0) if overwrite else os.O_EXCL
    return _prepared(_opened(path, flags), path, locked=locked, emptied=True)


def reopen_private(path: Path) -> int:
    """Return a locked descriptor that reads `path` and appends to it, unchanged so far.

    Raises:
        FileNotFoundError: there is no such file.
        CommandError: it is a symbolic link or no regular file, it cannot be opened, or
            another process has its lock.
    """
    flags = os.O_RDWR | os.O_APPEND | _SAFELY | getattr(os, "O_NONBLOCK", 0)
    return _prepared(_opened(path, flags), path, locked=True, emptied=False)


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, _PRIVATE)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
        failure = CommandError(f"{path}: No such file or directory.", "Make the directory first.")
    except OSError as error:
        failure = _failure(error, path)
    raise failure


def make_private(descriptor: int) -> None:
    """Let nobody but its owner read or write an open file."""
    os.fchmod(descriptor, _PRIVATE)


def _prepared(descriptor: int, path: Path, *, locked: bool, emptied: bool) -> int:
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CommandError(f"{path}: is no regular file.", "Choose another name.")  # noqa: TRY301
        if locked:
            lock(descriptor, path)
        if emptied:
            make_private(descriptor)
            os.ftruncate(descriptor, 0)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            raise write_failure(error, str(path)) from None
        raise
    return descriptor


def _failure(error: OSError, path: Path) -> CommandError:
    # What no name can be, none can be asked about either.
    if error.errno != errno.ENAMETOOLONG and path.is_symlink():
        return CommandError(f"{path}: is a symbolic link.", "Name the file itself.")
    if error.errno == errno.EEXIST:
        return CommandError(
            f"{path}: exists already.", "Choose another name, or replace it with --overwrite."
        )
    if error.errno == errno.ENXIO:
        return CommandError(f"{path}: is no regular file.", "Choose another name.")
    if error.errno == errno.ENOSPC:
        return write_failure(error, str(path))
    return CommandError(f"{path}: {error.strerror}.", "Choose a file that you may write.")


def refuse_to_replace(path: Path, *needed: Path | str | None) -> None:
    """Refuse to write to a file that is read too, or written to with something else.

    Raises:
        CommandError: `path` is one of the `needed` files; `-` and None are none.
    """
    for other in needed:
        if other is not None and other != "-" and _is_same_file(path, other):
            raise CommandError(f"{path}: is needed for something else.", "Choose another name.")


def verify_private(path: Path) -> None:
    """Refuse before a long run what `write_private` would refuse after it.

    Raises:
        CommandError: there is no such directory, or the file is a link or no regular file.
    """
    try:
        link, other = path.is_symlink(), path.exists() and not path.is_file()
    except OSError as error:
        raise _failure(error, path) from None
    if link:
        raise CommandError(f"{path}: is a symbolic link.", "Name the file itself.")
    if other:
        raise CommandError(f"{path}: is no regular file.", "Choose another name.")
    if not path.parent.is_dir():
        raise CommandError(f"{path}: No such file or directory.", "Make the directory first.")


def _is_same_file(one: Path, other: Path | str) -> bool:
    """Whether two names mean one file, whether it is there or not."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def write_private(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Make `data` the content of `path`, under the rules of `open_private`.

    A file that cannot be written whole is removed: half of it would be worse than none.

    Raises:
        CommandError: it cannot be opened or written.
    """
    descriptor = open_private(path, overwrite=overwrite)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        failure = write_failure(error, str(path))
    else:
        return
    raise failure
