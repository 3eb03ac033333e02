"""The root of the tree, and the errors of what was never sent."""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeVar

_E = TypeVar("_E", bound="LTXError")
_LONGEST_SHOWN: Final = 300  # characters of a message in a `repr`
LONGEST_EMAIL: Final = 254  # octets; RFC 5321 4.5.3.1.3 with the correction of erratum 1690


class LTXError(Exception):
    """Root of everything that `ltx_async` raises on purpose.

    Attributes:
        message: what happened, one line, no secrets.
        hint: what to do about it, one line; also a note, which tracebacks show.
        email: the address it happened to, None where it concerns none.
        attempts: requests that were sent before giving up.
        ends_run: whether an error of this class always ends the run of a `lookup_many`.
        outcome: the `Outcome`, as text, of a lookup that ends with an error of this class.
    """

    default_hint: ClassVar[str] = "Read the message; it names the cause."
    ends_run: ClassVar[bool] = False
    outcome: ClassVar[str] = "failed"
    _passes: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        email: str | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint: str = self.default_hint if hint is None else hint
        self.email = email
        self.attempts = attempts
        if self.hint:
            self.add_note(self.hint)

    @property
    def retryable(self) -> bool:
        """Whether the same request may be answered later, without anybody doing anything."""
        return self._passes

    def __str__(self) -> str:
        """Return the message, after the email where there is one."""
        return self.message if self.email is None else f"{_shown(self.email)}: {self.message}"

    def __repr__(self) -> str:
        """Return the class and the message, in a line of bounded length."""
        short = self.message[:_LONGEST_SHOWN]
        return f"{type(self).__name__}({short!r}{'…' if short != self.message else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by state, so that subclasses may have any signature."""
        state = self.__dict__ | {"__notes__": [*getattr(self, "__notes__", ())]}
        return _restore, (type(self), self.args, state)


def as_text(email: object) -> str:
    """Return an email as it is, of a number its digits, and of all else that is no text its type.

    A row that was passed in place of an email may hold more than is to be shown.
    """
    if isinstance(email, str):
        return email if type(email) is str else str.__str__(email)
    if email is None or isinstance(email, int | float):
        return str(email)[:LONGEST_EMAIL]
    return f"<{type(email).__name__}>"


def _shown(email: object) -> str:
    email = as_text(email)
    short = email if len(email) <= LONGEST_EMAIL else f"{email[:LONGEST_EMAIL]}…"
    return short if short.isprintable() else ascii(short)


def _restore(cls: type[_E], args: tuple[Any, ...], state: dict[str, Any]) -> _E:
    error = cls.__new__(cls, *args)
    error.args = args  # OSError, above DeadlineError, sets them only in `__init__`
    error.__dict__.update(state)
    return error


class ConfigurationError(LTXError):
    """The client cannot work as it was set up; nothing was sent."""

    default_hint = "Correct the parameter or the environment variable that the message names."


class InvalidEmailError(LTXError, ValueError):
    """The email was refused before anything was sent."""

    default_hint = "Correct the address in your list; nothing was sent for it."
    outcome: ClassVar[str] = "invalid"
