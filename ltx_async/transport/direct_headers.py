"""The header fields of a reply, read only where they matter.

llhttp reports each field by a call, which costs as much as the rest of a reply. So the
connection does not ask for fields. This module parses the bytes a second time, for a reply
that is not a 200, or whose head mentions a coding or is suspiciously long.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Final

import httptools

from ltx_async.transport.endpoint import KEPT_HEADERS

INFORMATIONAL: Final = range(100, 200)
LINE_ENDS: Final = b"\r\n"
_LONGEST_FIELD: Final = 8190  # bytes in a header field and fields in a reply: aiohttp's limits
_MOST_FIELDS: Final = 128
_FEWEST_BYTES: Final = 4 * _MOST_FIELDS  # of so many fields: each takes `a:` and CRLF at least
_EMPTY_LINES: Final = re.compile(rb"[\r\n]*")
_CODING: Final = re.compile(rb"-encoding", re.IGNORECASE)
_CHUNKED: Final = b"\r\ntransfer-encoding: chunked\r\n"


def status_line_at(raw: bytes, start: int) -> int:
    """Return where a reply begins, behind the empty lines that llhttp puts up with."""
    empty = _EMPTY_LINES.match(raw, start)
    return start if empty is None else empty.end()


def may_matter(raw: bytes, start: int, body: int = 0) -> bool:
    """Whether the headers of a 200 have to be read after all.

    Args:
        raw: the bytes that hold them.
        start: where they begin.
        body: how many of the bytes are known to be the body's, which follows them.
    """
    most = len(raw) - body
    if most - start <= _FEWEST_BYTES and _CODING.search(raw, start, most) is None:
        return False
    end = raw.find(b"\r\n\r\n", start)
    head = raw[start : len(raw) if end < 0 else end + 2].lower()
    size = len(head)
    if size > _FEWEST_BYTES and (size > _LONGEST_FIELD or head.count(b"\n") > _MOST_FIELDS):
        return True
    if head.find(b"-encoding") < 0:
        return False
    rest = head.replace(_CHUNKED, b"\r\n", 1)
    return b"content-encoding" in rest or b"transfer-encoding" in rest


def read_headers(raw: bytes) -> tuple[Mapping[str, str], str]:
    """Return the headers that are kept, and what is wrong with any of them, or nothing."""
    fields = _HeaderReader(raw).fields
    flaw = ""
    if len(fields) > _MOST_FIELDS or any(len(n) + len(v) > _LONGEST_FIELD for n, v in fields):
        flaw = "the headers are too long"
    headers: dict[str, str] = {}
    for name, value in fields:
        key = name.decode("latin-1").lower()
        text = value.decode("utf-8", "surrogateescape")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    if headers.get("content-encoding", "identity").lower() not in {"identity", ""}:
        flaw = "the reply has a Content-Encoding that was not asked for"
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        flaw = "the reply has a transfer coding that was not asked for"
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}, flaw


def ends_with_connection(raw: bytes) -> bool:
    """Whether a reply has neither a length nor chunks (RFC 9112 6.3, item 8)."""
    reader = _HeaderReader(raw)
    names = {name.lower() for name, _ in reader.fields}
    return reader.complete and names.isdisjoint({b"content-length", b"transfer-encoding"})


class _HeaderReader:
    """Reads the header fields of the first message in some bytes that is no 1xx.

    Attributes:
        fields: their names and values.
        complete: whether the end of the header fields was reached.
    """

    def __init__(self, raw: bytes) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.complete = False
        self._parser = httptools.HttpResponseParser(self)
        with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._parser.feed_data(raw)

    def on_message_begin(self) -> None:
        """Forget the fields of a 1xx."""
        if not self.complete:
            self.fields.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; not the trailers, which come later."""
        if not self.complete:
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Stop at the first message that is no 1xx."""
        self.complete = self._parser.get_status_code() not in INFORMATIONAL
