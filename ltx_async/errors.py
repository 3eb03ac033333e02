"""The exception tree: plain data, split by what the caller does next.

No exception here holds or chains to an exception of aiohttp: those carry the
request headers, and with them the bearer token, in their `repr`.
"""

from __future__ import annotations

import errno as os_errors
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

_E = TypeVar("_E", bound="LTXError")
_NO_DESCRIPTORS = frozenset({os_errors.EMFILE, os_errors.ENFILE})
LONGEST_EMAIL = 254  # octets; RFC 5321 4.5.3.1.3 with the correction of erratum 1690
RETRIED_STATUSES: Final = frozenset(
    {408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 527, 529}
)
"""The statuses that may pass by themselves: a new one is added here and nowhere else."""


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


class TransportError(LTXError):
    """No usable reply came; the attempt is retried."""

    default_hint = "Check the network and the base URL; the lookup may be repeated."
    _passes = True


class ConnectError(TransportError):
    """Nothing was sent: DNS, refused, unreachable, or a TLS handshake that was cut.

    Attributes:
        errno: the operating system's error number, None where there is none.
        nobody_listens: whether the server was to be on this machine, and its port is refused.
    """

    default_hint = "Check that the base URL is right and that the host is up and reachable."

    def __init__(
        self,
        message: str,
        *,
        errno: int | None = None,
        nobody_listens: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.errno = errno
        self.nobody_listens = nobody_listens

    @property
    def out_of_descriptors(self) -> bool:
        """Whether this machine, not the server, is at fault: no file descriptor is left."""
        return self.errno in _NO_DESCRIPTORS


class AttemptTimeoutError(TransportError):
    """One attempt took longer than `timeout` seconds, body included."""

    default_hint = "The server is slow: raise the timeout or lower the concurrency."


class ProtocolError(TransportError):
    """The connection broke before a whole reply, or the reply is not valid HTTP.

    Attributes:
        reused: whether a kept-alive connection died before any byte of the reply: the
            server may just have closed it, and the request may be sent again at once.
    """

    default_hint = "The server or something in front of it broke the reply off; repeat later."

    def __init__(self, message: str, *, reused: bool = False, **details: Any) -> None:
        super().__init__(message, **details)
        self.reused = reused


class DeadlineError(LTXError, TimeoutError):
    """The lookup's own deadline passed, or its next retry could not have met it.

    Attributes:
        last_error: what the last attempt ended with, None where none was finished.
    """

    default_hint = "Raise the deadline, or find out why the server answers so late."
    _passes = True

    def __init__(self, message: str, *, last_error: LTXError | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last_error = last_error


class CertificateError(LTXError):
    """The TLS certificate of the server does not verify; ends a run."""

    default_hint = "Check the host name and the clock, or pass the CA that signed it as `ssl`."
    ends_run = True


class ServiceUnavailableError(LTXError):
    """Nothing has answered for so long that the run was ended.

    Attributes:
        last_error: what the last attempt ended with, None where nobody noted it.
    """

    default_hint = (
        "The service is down, unreachable, or still retired. "
        "What is pending can be asked again when it is back."
    )
    ends_run = True
    _passes = True

    def __init__(self, message: str, *, last_error: LTXError | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last_error = last_error


class ServiceRefusedError(LTXError):
    """Everybody gets the same non-answer, the list of accounts too: something else answers there.

    Attributes:
        last_error: what the last lookup ended with.
    """

    default_hint = "Check the base URL, and what lies between this machine and the API."
    ends_run = True

    def __init__(self, message: str, *, last_error: LTXError | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.last_error = last_error


class ResponseError(LTXError):
    """The server answered, and the answer is not an account.

    Attributes:
        statuses: the HTTP status codes that make an error of this class. Those that no
            subclass names are plain `ResponseError`s.
        status: the HTTP status code, as it came: 100 to 999. A class of exactly one
            status need not be told it.
        ray: Cloudflare's `cf-ray`, the one request id there is; None without one.
        retry_after: seconds that the server asked to wait, None where it did not.
        allowed: requests per second that the server states as its limit in a
            `RateLimit-Policy` with a 429, None where it does not.
        html: whether the body was a page for people, which the API itself never sends.
    """

    default_hint = "The server refused the request; its message says why."
    statuses: ClassVar[frozenset[int]] = frozenset()

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        ray: str | None = None,
        retry_after: float | None = None,
        allowed: float | None = None,
        html: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        if status is None:
            if len(self.statuses) != 1:
                raise TypeError(f"{type(self).__name__} needs a status")
            (status,) = self.statuses
        self.status = status
        self.ray = ray
        self.retry_after = retry_after
        self.allowed = allowed
        self.html = html

    @property
    def retryable(self) -> bool:
        """Whether the same request may be answered later, without anybody doing anything."""
        return self._passes or self.status in RETRIED_STATUSES


class AuthenticationError(ResponseError):
    """401: the API token is refused, for every email alike; ends a run."""

    default_hint = "Check the API token in USEAPI_TOKEN: it has the form user:<number>-<string>."
    statuses: ClassVar[frozenset[int]] = frozenset({401})
    ends_run = True


class SubscriptionError(ResponseError):
    """402: the useapi.net subscription has lapsed; ends a run."""

    default_hint = "Renew the useapi.net subscription, then run again."
    statuses: ClassVar[frozenset[int]] = frozenset({402})
    ends_run = True


class AccountNotFoundError(ResponseError):
    """404: no such account is configured; a result, never retried.

    Attributes:
        confirmed: whether the reply is one of the API, by its words or as a JSON error; any
            other server answers with a 404 too where the base URL is wrong.
    """

    default_hint = "Configure this account at useapi.net, or take it off your list."
    statuses: ClassVar[frozenset[int]] = frozenset({404})
    outcome: ClassVar[str] = "not_found"
    _unconfirmed_hint: ClassVar[str] = (
        "Check the base URL, and which useapi.net account the token belongs to: the reply does "
        "not look like one of the API, which may also still be retired."
    )

    def __init__(
        self, message: str, *, confirmed: bool = True, hint: str | None = None, **details: Any
    ) -> None:
        if hint is None and not confirmed:
            hint = self._unconfirmed_hint
        super().__init__(message, hint=hint, **details)
        self.confirmed = confirmed


class ReauthenticationError(ResponseError):
    """596: the linked LTX Studio session is dead; a result, never retried."""

    default_hint = "Sign in to LTX Studio again with this account and update its configuration."
    statuses: ClassVar[frozenset[int]] = frozenset({596})
    outcome: ClassVar[str] = "needs_reauth"


class ProxyAuthenticationError(ResponseError):
    """407: the proxy on the way wants other credentials, for every email alike; ends a run."""

    default_hint = (
        "Give the proxy's user and password: http://user:password@host:port as `proxy`, or in "
        "LTX_ASYNC_PROXY for the command line."
    )
    statuses: ClassVar[frozenset[int]] = frozenset({407})
    ends_run = True


class RateLimitError(ResponseError):
    """429: too many requests; everybody waits as told."""

    default_hint = "Wait as long as the message says, or lower the rate."
    statuses: ClassVar[frozenset[int]] = frozenset({429})
    _passes = True


class RedirectError(ResponseError):
    """Any 3xx: a wrong host; never followed, the token is never sent on."""

    default_hint = "Check the base URL: the API itself does not redirect."
    statuses: ClassVar[frozenset[int]] = frozenset(range(300, 400))


class ServerError(ResponseError):
    """500 to 599 but 596: trouble on the server's side."""

    default_hint = "The server is in trouble; run again later."
    statuses: ClassVar[frozenset[int]] = frozenset(range(500, 600)) - ReauthenticationError.statuses


class DecodeError(LTXError):
    """A whole reply with status 200 that is no account.

    Attributes:
        problems: one line per fault, naming the path in the JSON, never the value.
        status: the HTTP status code of that reply.
        html: whether the body was a page for people, which the API itself never sends.
        another_email: whether the account is that of another email than the one asked for.
    """

    default_hint = "The API may have changed; look for a newer version of ltx_async."

    def __init__(
        self,
        message: str,
        *,
        problems: Sequence[str] = (),
        status: int = 200,
        html: bool = False,
        another_email: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.problems: tuple[str, ...] = tuple(problems)
        self.status = status
        self.html = html
        self.another_email = another_email


def _with_subclasses(cls: type[ResponseError]) -> Iterator[type[ResponseError]]:
    yield cls
    for subclass in cls.__subclasses__():
        yield from _with_subclasses(subclass)


CLASS_OF_STATUS: Final[Mapping[int, type[ResponseError]]] = {
    status: cls
    for cls in sorted(_with_subclasses(ResponseError), key=lambda cls: -len(cls.statuses))
    for status in cls.statuses  # where two classes name a status, the narrower one has it
}
