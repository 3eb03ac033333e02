"""How a command ends: the exit statuses, and the one line that says why."""

from __future__ import annotations

import errno
import re
from collections import Counter
from enum import IntEnum
from typing import Final

from ltx_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    LTXError,
    ServiceUnavailableError,
    SubscriptionError,
)
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


def status_of(error: Exception) -> ExitStatus:
    """Return the exit status that an error ends a command with."""
    match error:
        case CommandError():
            return error.status
        case BrokenPipeError():
            return ExitStatus.BROKEN_PIPE
        case AuthenticationError() | SubscriptionError():
            return ExitStatus.REFUSED
        case ConfigurationError():
            return ExitStatus.USAGE
        case _:
            return ExitStatus.STOPPED


_NOBODY_HERE: Final = re.compile(
    r"cannot connect to (127\.\d+\.\d+\.\d+|localhost|\[?::1\]?):\d+: Connection refused"
)
_NOT_SERVED: Final = "Nothing listens there; `ltx-async serve` starts a server on this machine."


def is_not_served(error: Exception) -> bool:
    """Whether nobody listens on this machine, where `ltx-async serve` was to be expected."""
    return isinstance(error, ConnectError | ServiceUnavailableError) and bool(
        _NOBODY_HERE.search(error.message)
    )


def explanation(error: Exception) -> str:
    """Return one line that says what happened and what to do."""
    if isinstance(error, LTXError):  # the message alone: what ends a run concerns no one email
        hint = _NOT_SERVED if is_not_served(error) else error.hint
        return f"{_sentence(error.message)} {hint}"
    if isinstance(error, CommandError):
        return f"{_sentence(str(error))} {error.hint}".rstrip()
    return _sentence(str(error))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
