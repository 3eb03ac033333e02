"""The bytes of replies, well formed unless their name says otherwise."""

from __future__ import annotations

import json

from .wire import Asked, Script

Header = tuple[str, str]


def account_body(email: str, **fields: object) -> bytes:
    return json.dumps({"email": email, "balance": {"LTXStudio_token": 7}, **fields}).encode()


def reply(status: int | str = 200, body: bytes = b"", *headers: Header) -> bytes:
    """A whole reply with the length of its body; `headers` may repeat names."""
    return head(status, ("Content-Length", str(len(body))), *headers) + body


def head(status: int | str = 200, *headers: Header) -> bytes:
    """Status line and headers, nothing added but the content type."""
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def ok(asked: Asked) -> Script:
    """The account that was asked for."""
    return [reply(200, account_body(asked.email))]


def error(status: int, **fields: object) -> bytes:
    body = json.dumps({"error": "scripted", "code": status, **fields}).encode()
    return reply(status, body)
