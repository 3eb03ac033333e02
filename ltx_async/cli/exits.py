"""How a command ends: the exit statuses, and the one line that says why."""

from __future__ import annotations

from typing import Final

from ltx_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    LTXError,
    ServiceUnavailableError,
    SubscriptionError,
)
from ltx_async.files.errors import CommandError, ExitStatus


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


_NOT_SERVED: Final = "Nothing listens there; `ltx-async serve` starts a server on this machine."


def is_not_served(error: Exception) -> bool:
    """Whether nobody listens on this machine, where `ltx-async serve` was to be expected."""
    cause = error.last_error if isinstance(error, ServiceUnavailableError) else error
    return isinstance(cause, ConnectError) and cause.nobody_listens


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
