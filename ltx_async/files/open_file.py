"""A file that is open for writing: written to whole, brought to the disk, watched, closed."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from ltx_async.files.errors import (
    OutputFailedError,
    OutputRefusedError,
    UnsavedError,
    removed,
    write_failure,
)

PRIVATE: Final = 0o600
"""The mode of a file that its owner alone may read and write."""

_READ_BY_OTHERS: Final = 0o044
_logger: Final = logging.getLogger("ltx_async")

_NOT_SUPPORTED: Final = frozenset(
    {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EBADF}
)
_CLOSED: Final = -1
_NOT_ALLOWED: Final = frozenset({errno.EPERM, errno.EACCES})
_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, getattr(errno, "ESTALE", errno.ENOENT)})


@define(eq=False)
class OpenFile:
    """An open file, which is appended to.

    Raises (from every method that writes):
        OutputFailedError: the disk is full, or the file cannot be written.
        BrokenPipeError: nobody reads any more.

    Attributes:
        name: what to call it in messages.
        descriptor: of the open file.
        path: where it lies; None for one that was open before, as standard output is.
        when_full: what to do where the disk is full.
        unlock: called when it is closed, where closing it alone gives up no lock.
    """

    name: str
    descriptor: int
    path: Path | None = None
    when_full: str = field(kw_only=True)
    unlock: Callable[[], None] | None = field(default=None, init=False)
    _end: int = field(default=0, init=False)

    @when_full.default
    def _whole_so_far(self) -> str:
        then = "run again" if self.path is None else "continue with --resume"
        return f"Every record before this one is whole; make room, then {then}."

    def __attrs_post_init__(self) -> None:
        if self.path is not None:
            self._end = os.fstat(self.descriptor).st_size

    def write(self, data: bytes) -> None:
        """Append all of `data`; where that fails, what was appended of it is cut off again."""
        written = 0
        try:  # not the context manager `_told`, which would cost each record a microsecond
            # A regular file takes a part only if the disk is about to be full.
            while written < len(data):
                written += os.write(self.descriptor, data[written:] if written else data)
        except OSError as error:
            self._cut_back(written)
            raise self._failure(error) from error
        self._end += written

    def _cut_back(self, written: int) -> None:
        if written:
            with contextlib.suppress(OSError):  # a pipe cannot be truncated; only the write counts
                os.ftruncate(self.descriptor, os.fstat(self.descriptor).st_size - written)

    def write_some(self, data: bytes) -> int:
        """Write once, and return how many bytes were taken.

        Raises:
            BlockingIOError: none can be taken just now.
        """
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:
            raise
        except OSError as error:
            raise self._failure(error) from error

    def truncate(self, size: int) -> None:
        """Cut off what lies behind the first `size` bytes."""
        with self._told():
            os.ftruncate(self.descriptor, size)
        self._end = size

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return os.fstat(self.descriptor).st_size

    @property
    def mode(self) -> int:
        """Who may read and write it."""
        return stat.S_IMODE(os.fstat(self.descriptor).st_mode)

    def set_mode(self, mode: int) -> None:
        """Set who may read and write it, where the file system keeps such a thing.

        FAT, CIFS and many a FUSE file system refuse it, or take it and do nothing.
        """
        change = getattr(os, "fchmod", None)
        if change is None or self.mode == mode:  # Windows has none, before Python 3.13
            return
        try:
            change(self.descriptor, mode)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED | _NOT_ALLOWED:
                raise self._failure(error) from error
        if self.mode & _READ_BY_OTHERS & ~mode:
            _logger.warning("%s: others may read it: its file system keeps no modes", self.name)

    def verify_owner(self) -> None:
        """Refuse a file that another user has put there, as they could read all of it.

        The owner of the directory is trusted, as they can do anything to what is in it anyway;
        on a file system without owners, all files seem to be theirs.

        Raises:
            OutputRefusedError: it belongs to somebody else.
        """
        owner = getattr(os, "geteuid", None)  # Windows has none
        if self.path is not None and owner is not None and (user := owner()):
            trusted = {user, self.path.parent.stat().st_uid}
            if os.fstat(self.descriptor).st_uid not in trusted:
                raise OutputRefusedError(
                    f"{self.name}: belongs to somebody else.", hint="Choose another name."
                )

    def sync(self) -> None:
        """Bring what was written to the disk, and make sure that it is to be found there.

        Raises:
            UnsavedError: somebody has removed the file, or cut it.
            OutputFailedError: somebody has moved it, or put another one in its place.
        """
        end = self._end  # read before the size, which may grow meanwhile
        with self._told():
            os.fsync(self.descriptor)
            status = os.fstat(self.descriptor)
        if not status.st_nlink:
            raise removed(self.name)
        if status.st_size < end:
            raise UnsavedError(
                f"{self.name}: was cut while results were being written to it.",
                hint="What was cut off is lost: run again.",
            )
        if not self.is_in_place:
            raise OutputFailedError(
                f"{self.name}: was moved while results were being written to it.",
                hint="They are in the file where it is now: continue that one with --resume.",
            )

    def sync_name(self) -> None:
        """Make sure that a new file is to be found under its name after a power cut."""
        assert self.path is not None
        with self._told():
            sync_directory(self.path.parent)

    @property
    def is_in_place(self) -> bool:
        """Whether the file is the one at its path, as far as that can be told."""
        if self.path is None:
            return True
        try:
            there = self.path.stat(follow_symlinks=False)
        except OSError as error:
            return error.errno not in _NOT_THERE
        return os.path.samestat(os.fstat(self.descriptor), there)

    def move_to(self, path: Path) -> None:
        """Take the place of the file at `path`, and make sure that this outlasts a power cut."""
        assert self.path is not None
        with self._told():
            self.path.replace(path)
        self.path = path
        self.sync_name()

    def close(self) -> None:
        """Close it, if it is still open; some file systems report a full disk only now."""
        descriptor, self.descriptor = self.descriptor, _CLOSED
        if descriptor == _CLOSED:
            return
        try:
            with self._told():
                os.close(descriptor)
        finally:
            if self.unlock is not None:
                self.unlock()

    def remove(self) -> None:
        """Remove it, then close it, so that it stays locked as long as others can open it."""
        assert self.path is not None
        if self.descriptor == _CLOSED or self.is_in_place:
            with contextlib.suppress(OSError):
                self.path.unlink()
        with contextlib.suppress(OutputFailedError):  # its content is not wanted any more
            self.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the OSError of a failed call into the error of this output."""
        try:
            yield
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> OutputFailedError:
        return write_failure(error, self.name, when_full=self.when_full)


def sync_directory(path: Path) -> None:
    """Make sure that a file that is new in the directory `path` survives a power cut.

    Windows and some network file systems cannot do that for a directory, and a directory that
    may not be read cannot be asked for it.
    """
    if os.name != "posix":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED | _NOT_ALLOWED:
            raise
