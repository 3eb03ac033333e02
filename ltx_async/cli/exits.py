"""How a command ends: the exit statuses, and the one line that says why."""

from __future__ import annotations

import errno
import os
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
from ltx_async.files.errors import FileError, InputCutError, InputError, OutputRefusedError
from ltx_async.wording import NOT_SERVED, sentence

RUN_AGAIN: Final = "run again"
GO_ON: Final = "continue with --resume"
BEGIN_ANEW: Final = "run again with --overwrite"
"""How hints say to go on: without an output, with one, and with one that tells not enough."""


class ExitStatus(IntEnum):
    """What the shell is told; a signal gives 128 + its number."""

    OK = 0
    ATTENTION = 1
    USAGE = 2
    NO_ACCESS = 3
    STOPPED = 4
    BROKEN_PIPE = 141


class CommandError(LTXError):
    """A command cannot begin as it was called: an option, or something that is not installed."""

    default_hint = ""


class ReaderGoneError(Exception):
    """Nobody reads standard output any more; on a BrokenPipeError, click and rich would exit 1."""


def status_of(error: Exception) -> ExitStatus:
    """Return the exit status that an error ends a command with."""
    match error:
        case BrokenPipeError():
            return ExitStatus.BROKEN_PIPE
        case AuthenticationError() | SubscriptionError():
            return ExitStatus.NO_ACCESS
        case InputCutError():
            return ExitStatus.STOPPED
        case CommandError() | ConfigurationError() | InputError() | OutputRefusedError():
            return ExitStatus.USAGE
        case _:
            return ExitStatus.STOPPED


def not_served(
    kind: type[LTXError], what: str, host: str, port: int, error: OSError | UnicodeError
) -> LTXError:
    """Say that nothing can be served there.

    Args:
        kind: CommandError where to serve is what the command is for, so that it cannot begin as it
            was called; LTXError where it may be started again, as a port may be free by then.
        what: what stands before the names of host and port.
        host: the address that was given.
        port: 0 to 65535.
        error: what listening there ended with.
    """
    number = getattr(error, "errno", None) or 0
    if isinstance(error, OSError) and number in {errno.EADDRINUSE, errno.EACCES}:
        return kind(
            f"{what}port {port}: {os.strerror(number)}.",  # asyncio's own text is long
            hint=f"Choose another one, or --{what.replace(' ', '-')}port 0 for a free one.",
        )
    reason = os.strerror(number) if number > 0 else "no such host"  # a resolver's are below 0
    return kind(
        f"{what}host {host}: {reason}.",
        hint="Choose an address of this machine, such as 127.0.0.1.",
    )


def is_not_served(error: Exception) -> bool:
    """Whether nobody listens on this machine, where `ltx-async serve` was to be expected."""
    cause = error.last_error if isinstance(error, ServiceUnavailableError) else error
    return isinstance(cause, ConnectError) and cause.nobody_listens


def explanation(error: Exception, *, again: str | None = None) -> str:
    """Return one line that says what happened and what to do.

    Args:
        error: what ended the command.
        again: how to go on from here, such as with an output that exists by now; None where the
            error's own words are right.
    """
    if isinstance(error, LTXError):  # without the email, as a run ends for all of them
        hint = NOT_SERVED if is_not_served(error) else error.hint
        if again is not None:
            # Other errors of files know where the next run can go on, if there is an output.
            own = isinstance(error, FileError) and not isinstance(error, InputCutError)
            hint = hint.replace(GO_ON if own else RUN_AGAIN, again)
        return f"{sentence(error.message)} {hint}".rstrip()
    return sentence(str(error))
