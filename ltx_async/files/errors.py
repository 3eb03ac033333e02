"""What can go wrong with a file, and what to do about it."""

from __future__ import annotations

import errno
from collections import Counter
from enum import IntEnum
from typing import Final

from ltx_async.models import Outcome


class ExitStatus(IntEnum):
    """What the shell is told; a signal gives 128 + its number."""

    OK = 0
    ATTENTION = 1
    USAGE = 2
    REFUSED = 3
    STOPPED = 4
    BROKEN_PIPE = 141


class CommandError(Exception):
    """A command cannot go on, for a reason that is no fault of the program.

    Attributes:
        hint: what to do about it, one line; may be empty.
        status: the exit status it leads to.
    """

    def __init__(
        self, message: str, hint: str = "", *, status: ExitStatus = ExitStatus.USAGE
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.status = status


class UnsavedError(CommandError):
    """Results that had been taken could not be kept.

    Attributes:
        outcomes: how many there were of each kind; None for all that the output held.
    """

    def __init__(self, failure: CommandError, outcomes: Counter[Outcome] | None) -> None:
        super().__init__(str(failure), failure.hint, status=failure.status)
        self.outcomes = outcomes


def removed(name: str) -> UnsavedError:
    """Say that an output is no longer where it was made, and what it held is lost."""
    failure = CommandError(
        f"{name}: was removed while results were being written to it.",
        "What was written is not there: run again.",
        status=ExitStatus.STOPPED,
    )
    return UnsavedError(failure, None)


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_failure(error: OSError, name: str) -> CommandError:
    """Say what a failed write to the output `name` means; a broken pipe passes as it is.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    if isinstance(error, BrokenPipeError):
        raise error
    if error.errno in _FULL:
        return CommandError(
            f"{name}: disk full ({error.strerror})",
            "Every record before this one is whole; make room, then run again.",
            status=ExitStatus.STOPPED,
        )
    return CommandError(f"{name}: {error.strerror}", status=ExitStatus.STOPPED)
