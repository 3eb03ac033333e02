"""Check the header fields that users add to requests, such as the ids of a trace."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ltx_async.errors import ConfigurationError
from ltx_async.events import AttemptStarted
from ltx_async.wording import inert

Fields = Mapping[str, str]
Headers = Fields | Callable[[AttemptStarted], Fields]
"""What `LTXClient(headers=)` takes: the same fields for all, or those of one attempt."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2, token
_VALUE: Final = re.compile("[!-~](?:[\t -~]*[!-~])?|")  # 5.5 without obs-text
_OURS: Final = {
    "authorization": "The API token is the client's first parameter.",
    "host": "Set base_url.",
    "user-agent": "Set user_agent.",
    "accept": "Replies are JSON, and are asked for as such.",
}
_HINTS: Final = {
    "cookie": "No cookies are sent.",
    "set-cookie": "No cookies are sent.",
    "content-": "A lookup sends no content.",
    "proxy-": "Set proxy, with user and password where it wants them.",
    "if-": "A reply has to be the whole account.",
    "accept-": "Replies come as they are, without any coding.",
}
_OF_THE_CONNECTION: Final = frozenset(
    {
        "connection",
        "expect",
        "http2-settings",
        "keep-alive",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields of RFC 9110 7.6.1, and those that change what comes in reply."""


def header_fields(given: object) -> dict[str, str]:
    """Return header fields if they can be sent beside our own; their values are never quoted.

    Raises:
        ConfigurationError: a name or a value is against RFC 9110, or the field is the client's.
    """
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"headers must be a mapping, or a function that gives one, not {type(given).__name__}",
            hint='Pass headers={"X-Request-Id": "…"}, or a plain function of the attempt.',
        )
    fields: dict[str, str] = {}
    for name, value in given.items():
        _check_name(name)
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise ConfigurationError(
                f"the value of the header {name} must be text of printable ASCII, without white "
                "space around it",
                hint="Encode it, as with urllib.parse.quote; a number needs str().",
            )
        fields[name] = value
    if len({name.lower() for name in fields}) < len(fields):
        raise ConfigurationError(
            "headers has one name twice", hint="Names are the same in upper and lower case."
        )
    return fields


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{inert(ascii(name)[:80])} is no name of a header",
            hint="Names are ASCII letters, digits and - without spaces, such as traceparent.",
        )
    lower = name.lower()
    if (hint := _OURS.get(lower)) is None and lower not in _OF_THE_CONNECTION:
        hint = next((hint for start, hint in _HINTS.items() if lower.startswith(start)), None)
        if hint is None:
            return
    raise ConfigurationError(
        f"headers must not set {name}, which is the client's own",
        hint=hint or "It says how a connection is used, which is the client's business.",
    )
