"""Errors of replies that are not an account: one class for each way in which callers react."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from ltx_async.errors.root import LTXError

RETRIED_STATUSES: Final = frozenset(
    {408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 527, 529}
)
"""The statuses that may pass by themselves: a new one is added here and nowhere else."""


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
        status: int | None = None,
        *,
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
        elif len(self.statuses) != 1:
            Exception.__init__(self, message, status)  # for what rebuilds errors as `cls(*args)`
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

    default_hint = (
        "Check the API token, which is USEAPI_TOKEN unless another was given: "
        "it has the form user:<number>-<string>."
    )
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
        "Check the base URL, and which useapi.net account the API token belongs to: the reply does "
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
