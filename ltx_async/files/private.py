"""Open files for results: readable by their owner alone, and never through a symbolic link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ltx_async.files.errors import FileError, OutputRefusedError, opening_failure
from ltx_async.files.lock import lock
from ltx_async.files.open_file import PRIVATE, OpenFile

# Windows lacks the first two flags, so links are followed there. The third exists only on
# Windows, which would otherwise write CRLF for each LF.
_SAFELY: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)


def create_private(path: Path, *, locked: bool = False, shown: Path | None = None) -> OpenFile:
    """Make a new file at `path`, with mode 0600, for appending to it.

    Args:
        path: the file.
        locked: take its lock.
        shown: what to call it in messages, where that is not `path`.

    Raises:
        OutputRefusedError: there is something at `path`, it cannot be made, or another process
            has its lock.
        OutputFailedError: the disk is full.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _SAFELY
    shown = shown or path
    with _closed_on_failure(_opened(path, flags, shown), path, shown) as file:
        if locked:
            lock(file)
        file.set_mode(PRIVATE)
    return file


def reopen_private(path: Path, *, locked: bool = True) -> OpenFile:
    """Open `path` for reading it and appending to it; it is unchanged so far.

    Args:
        path: the file.
        locked: take its lock.

    Raises:
        FileNotFoundError: there is no such file.
        OutputRefusedError: it is a symbolic link or no regular file, it cannot be opened, it
            belongs to somebody else, or another process has its lock.
        OutputFailedError: the disk is full.
    """
    # O_NONBLOCK: a FIFO without a reader must be refused, not waited for.
    flags = os.O_RDWR | os.O_APPEND | _SAFELY | getattr(os, "O_NONBLOCK", 0)
    with _closed_on_failure(_opened(path, flags, path), path, path) as file:
        file.verify_owner()
        if locked:
            lock(file)
    return file


def _opened(path: Path, flags: int, shown: Path) -> int:
    try:
        return os.open(path, flags, PRIVATE)
    except FileNotFoundError as error:
        if not flags & os.O_CREAT:
            raise
        raise _no_directory(shown) from error
    except OSError as error:
        raise _failure(error, shown) from error


def _no_directory(path: Path) -> OutputRefusedError:
    return OutputRefusedError(
        f"{path}: No such file or directory.", hint="Make the directory first."
    )


@contextlib.contextmanager
def _closed_on_failure(descriptor: int, path: Path, shown: Path) -> Iterator[OpenFile]:
    """Yield the file if it is a regular one, and close it if the block fails."""
    try:
        _verify_regular(os.fstat(descriptor).st_mode, shown)
        file = OpenFile(str(shown), descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        yield file
    except BaseException:
        file.close()
        raise


def _verify_regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise _irregular(path)


def _irregular(path: Path) -> OutputRefusedError:
    return OutputRefusedError(f"{path}: is no regular file.")


def _failure(error: OSError, path: Path) -> FileError:
    if _is_link(path):
        return _link(path)
    if error.errno == errno.EEXIST:
        return _existing(path)
    if error.errno == errno.ENXIO:
        return _irregular(path)
    return opening_failure(error, str(path), hint="Choose a file that you may write.")


def _is_link(path: Path) -> bool:
    """Whether there is a link, as far as that can be told: `Path.is_symlink` may raise."""
    try:
        return stat.S_ISLNK(path.lstat().st_mode)
    except OSError:
        return False


def _existing(path: Path) -> OutputRefusedError:
    return OutputRefusedError(
        f"{path}: exists already.", hint="Choose another name, or replace it with --overwrite."
    )


def _link(path: Path) -> OutputRefusedError:
    return OutputRefusedError(f"{path}: is a symbolic link.", hint="Name the file itself.")


def verify_distinct(path: Path, *others: Path | str | None) -> None:
    """Refuse to write to a file that is read too, or written to with something else.

    Raises:
        OutputRefusedError: `path` is one of the others; `-` and None are none.
    """
    for other in others:
        if other is not None and other != "-" and _is_same_file(path, other):
            raise OutputRefusedError(f"{path}: is needed for something else.")


def verify_replaceable(path: Path, *, overwrite: bool = True) -> None:
    """Refuse, before a long run, a path to which nothing could be written after it.

    Raises:
        OutputRefusedError: the file is there and `overwrite` is not given, it is a link or no
            regular file, no file can have that name, or nothing can be made in its directory.
    """
    try:
        # Not `Path.is_symlink`, which hides the error of a name that no file can have.
        link = stat.S_ISLNK(path.lstat().st_mode)
        if not link or path.exists():
            _verify_regular(path.stat().st_mode, path)
    except FileNotFoundError:
        _verify_directory(path)
        return
    except OSError as error:
        raise _failure(error, path) from error
    if link:
        raise _link(path)
    if not overwrite:
        raise _existing(path)
    _verify_directory(path)


def _verify_directory(path: Path) -> None:
    """Refuse a path in whose directory, if there is one, no file can be made."""
    if not path.parent.is_dir():
        raise _no_directory(path)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _failure(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), path)


def _is_same_file(one: Path, other: Path | str) -> bool:
    """Whether two names mean one file, whether it is there or not."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
