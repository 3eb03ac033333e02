"""The plain case on the wire: one whole `GET` without a body in, one whole reply out.

This is a short cut and not an HTTP server. It reads a request only if HTTP/1.1 leaves nothing to
decide (RFC 9112): a whole head in ASCII, no body, no upgrade, no `Connection` but keep-alive. It
writes what aiohttp would write, byte for byte. Everything else is left to aiohttp.
"""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict, CIMultiDictProxy

from ltx_async.emulator.exchange import Request
from ltx_async.emulator.steps import Status

# aiohttp refuses longer lines; a head of this size cannot contain one.
_LONGEST_HEAD: Final = 8190
_HEAD: Final = re.compile(
    rb"GET (/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*+) HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9!#$%&'*+\-.^_`|~]++:[\t\x20-\x7e]*+\r\n)*+)\r\n"
)
# A request with one of these fields needs more than a plain answer, so aiohttp serves it.
_DEMANDING: Final = frozenset(
    {"content-length", "expect", "proxy-connection", "trailer", "transfer-encoding", "upgrade"}
)
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


def read_request(data: bytes, start: int) -> tuple[Request, int] | None:
    """Read a plain request off `data` from `start` on; None when it is none, or not whole yet.

    Returns:
        The request, and where it ends.
    """
    head = _HEAD.match(data, start, start + _LONGEST_HEAD)
    if head is None:
        return None
    headers = _headers(head[2])
    if headers is None:
        return None
    return Request("GET", head[1].decode("ascii"), headers), head.end()


@lru_cache(maxsize=64)  # a client says the same with every request
def _headers(lines: bytes) -> CIMultiDictProxy[str] | None:
    """Return the header fields, None when they ask for more than an answer."""
    fields = [line.split(":", 1) for line in lines.decode("ascii").split("\r\n")[:-1]]
    names = {name.lower() for name, _ in fields}
    if len(names) < len(fields) or not _DEMANDING.isdisjoint(names):
        return None
    headers = CIMultiDict((name, value.strip(" \t")) for name, value in fields)
    if "connection" in names and headers["Connection"].lower() != "keep-alive":
        return None
    return CIMultiDictProxy(headers)


def reply(status: Status) -> bytes:
    """Return the bytes of a reply with this status and body, which leaves the connection open."""
    content_type = status.content_type
    typed = "" if content_type is None else f"Content-Type: {content_type}\r\n"
    head = (
        f"HTTP/1.1 {status.status} {_PHRASES.get(status.status, '')}\r\n{typed}"
        f"Content-Length: {len(status.body)}\r\n{_common(int(time.time()))}\r\n"
    )
    return head.encode("ascii") + status.body


@lru_cache(maxsize=1)
def _common(seconds: int) -> str:
    return f"Date: {formatdate(seconds, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n"
