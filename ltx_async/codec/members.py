"""Take a large JSON object apart, member by member."""

from __future__ import annotations

import json
import re
from codecs import utf_8_decode
from collections.abc import Iterator
from typing import Final

from ltx_async.jsontext import MOST_CONTAINERS, NotJSONError

LONGEST: Final = 1 << 20  # bytes of a member, and of one piece that is parsed at a time
_SHORTEST: Final = 1 << 16
_SPACES: Final = b" \t\n\r"  # RFC 8259 2
_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_EMPTY: Final = re.compile(rb"[ \t\n\r]*+\{[ \t\n\r]*+\}[ \t\n\r]*+\Z")
_decode: Final = json.JSONDecoder().raw_decode


def members(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and text of each member of a JSON object.

    A parser that is written in C lets no other thread run until it is through, which takes
    seconds for a list of 60 MB. Here it is given one member at a time. Whether the text of a
    member is JSON by all rules is left to `decode`; what came before an error is not to be used.

    Raises:
        NotJSONError: it is no JSON object, or a member has more than a MiB or brackets without end.
    """
    if _EMPTY.match(body):
        return
    at, opening, closed, sound = len(body) - len(body.lstrip(_SPACES)), "{", False, True
    while sound and not closed:
        piece = _piece(body, at)
        is_last = at + len(piece) == len(body)
        text, end = "", 0
        try:
            text, _ = utf_8_decode(piece, "strict", is_last)
            while not closed:
                name, value, end, closed = _member(text, end, opening)
                yield name, value.encode()
                opening = ","
        except (ValueError, RecursionError):  # the piece may end within a member
            sound = bool(end) and not is_last
        at += len(text[:end].encode())
    if not sound or body[at:].strip(_SPACES) != b"}":
        raise NotJSONError("the body is not valid JSON")


def _piece(body: bytes, at: int) -> bytes:
    """Return the next piece to parse: a MiB, or less where it has very many brackets."""
    size = LONGEST
    while size > _SHORTEST and body.count(b"[", at, at + size) > MOST_CONTAINERS:
        size //= 2
    while size > _SHORTEST and body.count(b"{", at, at + size) > MOST_CONTAINERS:
        size //= 2
    return body[at : at + size]


def _member(text: str, at: int, opening: str) -> tuple[str, str, int, bool]:
    """Return a member's name, text and end, and whether the object ends with it."""
    at = _next(text, at, opening) + 1
    name, at = _decode(text, _next(text, at, '"'))
    name.encode()  # raises ValueError if the name has a lone surrogate
    start = _next(text, _next(text, at, ":") + 1)
    _, end = _decode(text, start)
    return name, text[start:end], end, text[_next(text, end, ",}")] == "}"


def _next(text: str, at: int, expected: str = "") -> int:
    """Return the position of the next character that is not a space; it must be as expected."""
    space = _SPACE.match(text, at)
    assert space is not None
    if expected and text[space.end() : space.end() + 1] not in {*expected}:
        raise ValueError
    return space.end()
