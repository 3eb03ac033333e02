"""What both transports share: where requests may go, and what every one of them carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen
from yarl import URL

from ltx_async._version import __version__
from ltx_async.codec import LIMIT_HEADERS
from ltx_async.errors import ConfigurationError
from ltx_async.transport.header_fields import header_fields
from ltx_async.transport.loopback import is_loopback

KEPT_HEADERS = ("retry-after", "retry-after-ms", "date", "cf-ray", "location", *LIMIT_HEADERS)
DEFAULT_BASE_URL = "https://api.useapi.net/v1"


def check_token(token: object) -> str:
    """Return the API token if it can stand in a header (RFC 9110 5.5: visible ASCII).

    Raises:
        ConfigurationError: it cannot; the token is never quoted.
    """
    if token is None or token == "":
        raise ConfigurationError(
            "no API token", hint="Set USEAPI_TOKEN, or pass the token: user:<number>-<string>."
        )
    if not isinstance(token, str):
        raise ConfigurationError(
            f"the API token must be text, not {_type_name(token)}",
            hint="Pass it as a str: user:<number>-<string>; bytes have decode().",
        )
    if (along := _copied_along(token)) is not None:
        raise ConfigurationError(
            f"the API token has {along}",
            hint="Leave the token alone in USEAPI_TOKEN (--token-file): user:<number>-<string>.",
        )
    if not all("!" <= character <= "~" for character in token):
        raise ConfigurationError(
            "the API token has a space, a control character or one outside ASCII",
            hint="Copy the API token again: user:<number>-<string>, without white space around it.",
        )
    return token


def _type_name(value: object) -> str:
    return "bytes" if isinstance(value, bytes) else type(value).__name__


def _copied_along(token: str) -> str | None:
    """Name what was pasted along with a token, such as quotes; None for nothing."""
    return next((name for form, name in _COPIED_ALONG if form.match(token)), None)


_COPIED_ALONG: Final = (
    (re.compile(r"(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=", re.ASCII), "a NAME= before it"),
    (
        re.compile(r"[\"']?(Authorization:\s*)?Bearer\s", re.IGNORECASE),
        "the word Bearer before it",
    ),
    (re.compile(r"[\"'`\u2018-\u201f]"), "quotation marks around it"),
)


def check_base_url(base_url: str, *, allow_http: bool) -> URL:
    """Return the base URL if the token may be sent there.

    Raises:
        ConfigurationError: another scheme than https (http for loopback, or where
            allowed), user information, a query, a fragment or white space in it, no host, or
            a path that holds what is added to it.
    """
    base_url = Secret(base_url)
    if _has_user(base_url):  # first, so that no local holds it in a traceback
        raise ConfigurationError("the base URL must not hold user information", hint=_EXAMPLE)
    if "?" in base_url or "#" in base_url:  # likewise
        raise ConfigurationError("the base URL must not hold a query or a fragment", hint=_EXAMPLE)
    try:
        url = URL(base_url)
        host = url.host
    except (ValueError, TypeError):
        host = None
    if not host:
        raise ConfigurationError("the base URL is not a URL with a host", hint=_EXAMPLE)
    if " " in base_url or not base_url.isprintable():
        raise ConfigurationError(
            "the base URL must not hold white space or control characters", hint=_EXAMPLE
        )
    if base_url.partition("//")[2].partition("/")[0].endswith(":"):
        raise ConfigurationError("the base URL has a colon but no port", hint=_EXAMPLE)
    if url.scheme == "http" and not (allow_http or is_loopback(host)):
        raise ConfigurationError(
            "the base URL is plain http to another machine, which would show the API token to all",
            hint="Use https, or allow it with allow_http=True (--allow-http).",
        )
    if url.scheme not in {"http", "https"}:
        raise ConfigurationError(f"the base URL has the scheme {url.scheme!r}", hint=_EXAMPLE)
    path = url.raw_path.rstrip("/")
    if found := _TOO_FAR.search(path):
        whole = url.with_path(path[: found.start()], encoded=True)
        raise ConfigurationError(
            f"the base URL goes too far: {found[0]} is added to it",
            hint=f"Leave that off: {whole} would do.",
        )
    return url.with_path(path, encoded=True)


def _has_user(base_url: str) -> bool:
    return "@" in re.split(r"[/?#\\]", base_url.partition("//")[2] or base_url, maxsplit=1)[0]


def doubt_about(base: URL) -> str | None:
    """Say what is odd about a base URL that can be used; None for nothing."""
    if base.raw_path.endswith("/v1"):
        return None
    return f"the base URL {base} does not end in /v1, as that of the API does"


_TOO_FAR = re.compile(r"/ltxstudio(?=/|$).*|/accounts$", re.IGNORECASE | re.DOTALL)
_EXAMPLE = f"A base URL looks like {DEFAULT_BASE_URL}."


def as_lines(fields: Mapping[str, str]) -> str:
    """Return header fields as they stand on the wire (RFC 9112 5)."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items())


class Secret(str):
    """A string whose `repr` hides it, so that tracebacks with locals do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class _SecretBytes(bytes):
    """The same for what was not decoded."""

    def __repr__(self) -> str:
        return "b'***'"


HIDDEN: Final = ("token", "base_url", "proxy", "headers")
"""The parameters of a client that may hold a secret."""


def hidden(value: Any) -> Any:
    """Return what was passed as such a parameter so that its `repr` does not show it."""
    if isinstance(value, bytes):
        return _SecretBytes(value)
    if isinstance(value, str | URL):
        return Secret(value)
    if isinstance(value, Mapping):
        return {name: hidden(one) for name, one in value.items()}
    return value


@frozen(kw_only=True)
class Endpoint:
    """Where requests go and what they carry.

    Attributes:
        base: the checked base URL.
        token: the API token.
        user_agent: the whole `User-Agent`.
        fields: further header fields of every request.
    """

    base: URL
    token: Secret = field(repr=False)
    user_agent: str
    fields: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    def checked(
        cls,
        base_url: str,
        token: str,
        *,
        allow_http: bool = False,
        user_agent: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Endpoint:
        """Build an endpoint from what users gave.

        Raises:
            ConfigurationError: a part of it cannot be used.
        """
        agent = f"ltx_async/{__version__}" if user_agent is None else user_agent
        if not isinstance(agent, str) or not agent.isascii() or not agent.isprintable():
            raise ConfigurationError(
                "the user agent must be printable ASCII",
                hint='Pass user_agent="name/version", or leave it out.',
            )
        base = check_base_url(base_url, allow_http=allow_http)
        fields = {} if headers is None else header_fields(headers)
        return cls(base=base, token=Secret(check_token(token)), user_agent=agent, fields=fields)

    def url(self, target: str) -> URL:
        """Return the URL of a target below the base URL, sent as it is encoded.

        Raises:
            ConfigurationError: it would lead anywhere else; the token stays here.
        """
        if not target.startswith("/"):  # the slash ends the host (RFC 3986 3.2)
            raise ConfigurationError(
                "the request would leave the host of the base URL",
                hint="This is a fault of ltx_async; nothing was sent.",
            )
        # The base is parsed already; building the URL from text would parse it again each time.
        return self.base.with_path(self.base.raw_path.rstrip("/") + target, encoded=True)

    def headers(self) -> dict[str, str]:
        """Return the headers of one request, the token among them."""
        return {
            "Authorization": Secret(f"Bearer {self.token}"),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": self.user_agent,
            **self.fields,
        }

    def head(self) -> str:
        """Return what follows the target of a request: the version, `Host` and the headers."""
        host = (
            self.base.host_port_subcomponent
            if not self.base.is_default_port()
            else self.base.host_subcomponent
        )
        return f" HTTP/1.1\r\n{as_lines({'Host': host or '', **self.headers()})}\r\n"
