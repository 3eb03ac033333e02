"""Open files for results: readable by their owner alone, and never through a symbolic link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ltx_async.files.errors import (
    FileError,
    OutputFailedError,
    OutputRefusedError,
    write_failure,
)
from ltx_async.files.lock import lock
from ltx_async.files.open_file import PRIVATE, OpenFile

# Windows has neither flag: there, what a link points to is opened.
_SAFELY: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def open_private(path: Path, *, overwrite: bool, locked: bool = False) -> OpenFile:
    """Open `path` for appending, new or emptied, with mode 0600.

    Args:
        path: the file.
        overwrite: whether it may exist.
        locked: take the lock of the file before it is emptied.

    Raises:
        OutputRefusedError: it exists and `overwrite` is not given, it is a symbolic link or no
            regular file, it cannot be opened, or another process has its lock.
        OutputFailedError: the disk is full.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFELY
    # O_NONBLOCK: a FIFO without a reader must be refused, not waited for.
    flags |= getattr(os, "O_NONBLOCK", 0) if overwrite else os.O_EXCL
    with _closed_on_failure(_opened(path, flags), path) as file:
        if locked:
            lock(file)
        file.set_mode(PRIVATE)
        file.truncate(0)
    return file


def reopen_private(path: Path) -> OpenFile:
    """Open `path`, locked, for reading it and appending to it; it is unchanged so far.

    Raises:
        FileNotFoundError: there is no such file.
        OutputRefusedError: it is a symbolic link or no regular file, it cannot be opened, or
            another process has its lock.
    """
    flags = os.O_RDWR | os.O_APPEND | _SAFELY | getattr(os, "O_NONBLOCK", 0)
    with _closed_on_failure(_opened(path, flags), path) as file:
        lock(file)
    return file


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, PRIVATE)
    except FileNotFoundError as error:
        if not flags & os.O_CREAT:
            raise
        raise _no_directory(path) from error
    except OSError as error:
        raise _failure(error, path) from error


def _no_directory(path: Path) -> OutputRefusedError:
    return OutputRefusedError(
        f"{path}: No such file or directory.", hint="Make the directory first."
    )


@contextlib.contextmanager
def _closed_on_failure(descriptor: int, path: Path) -> Iterator[OpenFile]:
    """Give a regular file to be prepared; what fails with it closes it."""
    try:
        _verify_regular(os.fstat(descriptor).st_mode, path)
        yield OpenFile(str(path), descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise


def _verify_regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise _irregular(path)


def _irregular(path: Path) -> OutputRefusedError:
    return OutputRefusedError(f"{path}: is no regular file.")


def _failure(error: OSError, path: Path) -> FileError:
    # What no name can be, none can be asked about either.
    if error.errno != errno.ENAMETOOLONG and path.is_symlink():
        return _link(path)
    if error.errno == errno.EEXIST:
        return OutputRefusedError(
            f"{path}: exists already.", hint="Choose another name, or replace it with --overwrite."
        )
    if error.errno == errno.ENXIO:
        return _irregular(path)
    if error.errno == errno.ENOSPC:
        return write_failure(error, str(path))
    return OutputRefusedError(
        f"{path}: {error.strerror}.", hint="Choose a file that you may write."
    )


def _link(path: Path) -> OutputRefusedError:
    return OutputRefusedError(f"{path}: is a symbolic link.", hint="Name the file itself.")


def refuse_to_replace(path: Path, *needed: Path | str | None) -> None:
    """Refuse to write to a file that is read too, or written to with something else.

    Raises:
        OutputRefusedError: `path` is one of the `needed` files; `-` and None are none.
    """
    for other in needed:
        if other is not None and other != "-" and _is_same_file(path, other):
            raise OutputRefusedError(f"{path}: is needed for something else.")


def verify_private(path: Path) -> None:
    """Refuse before a long run what `write_private` would refuse after it.

    Raises:
        OutputRefusedError: there is no such directory, or the file is a link or no regular file.
    """
    try:
        link, other = path.is_symlink(), path.exists() and not path.is_file()
    except OSError as error:
        raise _failure(error, path) from error
    if link:
        raise _link(path)
    if other:
        raise _irregular(path)
    if not path.parent.is_dir():
        raise _no_directory(path)


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
        FileError: it cannot be opened or written.
    """
    file = open_private(path, overwrite=overwrite)
    try:
        try:
            file.write(data)
        finally:
            file.close()
    except OutputFailedError:
        path.unlink(missing_ok=True)
        raise
