"""What can go wrong with a file, and what to do about it."""

from __future__ import annotations

import errno
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

from ltx_async.errors import LTXError
from ltx_async.models import Outcome


class FileError(LTXError):
    """A file, a pipe or a terminal cannot be read from or written to as it was to be."""

    default_hint = "Choose another file."


class InputError(FileError):
    """An input cannot be read, or it does not hold what it should hold."""

    default_hint = "Name a file that can be read."


class InputCutError(InputError):
    """An input was read in part, and the rest of it cannot be had."""

    default_hint = "When it is whole again, run again."


class OutputRefusedError(FileError):
    """An output was not begun: there is something in the way, and nothing was changed."""

    default_hint = "Choose another name."


class OutputFailedError(FileError):
    """An output was begun and cannot be written on; what was written before is whole."""

    default_hint = ""


class UnsavedError(OutputFailedError):
    """Results that had been taken could not be kept.

    Attributes:
        outcomes: how many there were of each kind; None for all that the output held.
    """

    def __init__(
        self, message: str, *, outcomes: Counter[Outcome] | None = None, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.outcomes = outcomes


def verify_name(name: str | Path, refused: type[FileError]) -> None:
    """Refuse a name that no file can have: one with a NUL, or with characters of no encoding.

    Raises:
        FileError: of the class `refused`.
    """
    try:
        possible = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise refused(f"{str(name)!r}: no file can have this name.")


def removed(name: str) -> UnsavedError:
    """Say that an output is no longer where it was made, and what it held is lost."""
    return UnsavedError(
        f"{name}: was removed while results were being written to it.",
        hint="What was written is not there: run again.",
    )


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


_MAKE_ROOM: Final = "Make room, then run again."


def write_failure(error: OSError, name: str, *, when_full: str = _MAKE_ROOM) -> OutputFailedError:
    """Say what a failed write means; a broken pipe passes as it is.

    Args:
        error: what the system says.
        name: the output.
        when_full: what to do where the disk is full.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    if isinstance(error, BrokenPipeError):
        raise error
    if error.errno in _FULL:
        return OutputFailedError(f"{name}: disk full ({error.strerror})", hint=when_full)
    return OutputFailedError(f"{name}: {error.strerror}")


def opening_failure(error: OSError, name: str, *, hint: str | None = None) -> FileError:
    """Say what it means that an output cannot be opened, or nothing made or removed for it.

    Args:
        error: what the system says.
        name: the output, or the file beside it.
        hint: what to do, unless the disk is full; None for another name.
    """
    if error.errno in _FULL:
        return write_failure(error, name)
    return OutputRefusedError(f"{name}: {error.strerror}.", hint=hint)
