"""What one request can be answered with, besides the truth."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Self

from attrs import Factory, field, frozen

_DOCUMENTED_ERRORS: Final = {401: "Unauthorized", 402: "Subscription required"}
_SESSION_DEAD: Final = 596
_CLOUDFLARE: Final = frozenset({*range(520, 528), 530})
_NOT_FOUND_TEXT: Final = "Account configuration not found for the specified email address."
_HTML: Final = (
    "<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
    "<body><h1>{title}</h1><p>This page is not the API.</p></body></html>\n"
)


_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ESCAPED: Final = json.JSONEncoder(separators=(",", ":"))


def to_json(value: object) -> bytes:
    """Encode `value` as the API does: compact UTF-8 JSON.

    Lone surrogates have no UTF-8 form: a value that holds one is written in ASCII, escaped.
    """
    try:
        return _COMPACT.encode(value).encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(value).encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def _usual_body(status: int) -> object:
    if status == HTTPStatus.NOT_FOUND:
        return _NOT_FOUND_TEXT
    if status in _CLOUDFLARE:
        return _HTML.format(title=f"Error {status}")
    if status == _SESSION_DEAD:
        return {"error": "The LTX session is no longer valid, sign in again", "code": status}
    return {"error": _DOCUMENTED_ERRORS.get(status, _phrase(status)), "code": status}


def _encoded(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else to_json(body)


@frozen
class Status:
    """Answer with a status, and the body usual for it or another one.

    Args:
        status: any number that fits the status line.
        body: bytes as they are, text as UTF-8, anything else as JSON. By default what the API
            sends with this status: prose for 404, a Cloudflare page for 520-527 and 530, a JSON
            error object for the rest. `b""` is an empty body.
        headers: further headers; a `Content-Type` here wins over the one guessed from the body.
    """

    status: int
    body: bytes = field(
        default=Factory(lambda self: _encoded(_usual_body(self.status)), takes_self=True),
        converter=_encoded,
    )
    headers: Mapping[str, str] = field(factory=dict, kw_only=True, hash=False)

    @classmethod
    def html(cls, status: int = 200) -> Self:
        """Answer with a page for people, as a proxy or a captive portal does."""
        return cls(status, _HTML.format(title="Welcome"))

    @classmethod
    def redirect(cls, location: str = "https://www.example.com/", *, status: int = 302) -> Self:
        """Point to `location`, as the vendor's wildcard subdomains do."""
        return cls(status, b"", headers={"Location": location})

    @property
    def content_type(self) -> str | None:
        """The type of the body, guessed from its first character; None when it is empty."""
        first = self.body.lstrip()[:1]
        if not first:
            return None
        if first in b"{[":
            return "application/json; charset=utf-8"
        return "text/html; charset=utf-8" if first == b"<" else "text/plain; charset=utf-8"


@frozen
class Close:
    """Send the bytes `after`, then close the connection in order, without a whole reply."""

    after: bytes = b""


@frozen
class Reset:
    """Send the bytes `after`, then reset the connection (TCP RST)."""

    after: bytes = b""


@frozen
class Garbage:
    """Send bytes that are not HTTP, then close."""

    data: bytes = b"\x00\x16\x03 this is not HTTP \xff\xfe\r\n\r\n"


@frozen
class Truncate:
    """Send the true answer but announce `missing` more bytes than come, then close.

    The body is complete JSON: a client that overlooks the length takes it for an answer.
    """

    missing: int = 10


@frozen
class Slow:
    """Send the true answer, its body spread evenly over `seconds`."""

    seconds: float = 1.0


@frozen
class Delay:
    """Wait `seconds`, then take the step `then`, or give the true answer."""

    seconds: float
    then: "int | Step | None" = None


Step = Status | Close | Reset | Garbage | Truncate | Slow | Delay


def as_step(step: object) -> Step:
    """Return `step` itself, or a `Status` for a plain number.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(step, int):
        return Status(step)
    if isinstance(step, Step):
        return step
    hint = f"{step.__name__}()" if isinstance(step, type) else "a status or a step"
    raise TypeError(f"{step!r} is not a step: write {hint}")
