"""What can be the address of one account, and the addresses in a text that is more than one.

The library sends whatever can be sent to the letter. Files hold rows of tables, names,
quotation marks and characters that nobody sees: of those, nothing but a plain address is sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from ltx_async.codec.emails import refusal
from ltx_async.errors import LONGEST_EMAIL

is_plain: Final = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*@[A-Za-z0-9_.-]*[A-Za-z0-9]").fullmatch
"""The form of nearly all addresses; of these only the length has to be checked."""
_QUOTED_LOCAL_PART: Final = re.compile(r'"(?:[^"\\]|\\.)*+"(?=@)')
_SEPARATORS: Final = frozenset(",;\t")
_AROUND: Final = frozenset("<>()[]")
_APOSTROPHES: Final = frozenset("'`")
_ENCLOSING: Final = frozenset({"Ps", "Pe", "Pi", "Pf"})
_ASSIGNED: Final = re.compile(r"(?:[A-Z][A-Z0-9_]{2,}|(?i:[\w.]*mail\w*))[=:]\s*+")
_ATTRIBUTE: Final = re.compile(r"[\w-]++=(?=['`])")
_SPECIAL: Final = re.compile(r"[^\w.!#$%&'*+/=?^`{|}~@-]")
_PIECES: Final = re.compile(
    r"""
    "(?:[^"\\]|\\.)*+" @ [^\s,;<>()\[\]"@]++   # a quoted local part and its domain
    | [^\s,;<>()\[\]"]++
    """,
    re.VERBOSE,
)
_MAILTO: Final = "mailto:"
_TRAILING: Final = ".!?:"


def objection(text: str) -> str | None:
    """Say why a trimmed text is no address that is ever sent; None where it may be one.

    One has, outside a quoted local part, exactly one `@`, no white space, none of
    `, ; < > ( ) [ ] "`, no character of Unicode's category Cf, and no decoration such as
    `mailto:` or apostrophes around it. Everything that `refusal` refuses is none either.
    """
    if len(text) <= LONGEST_EMAIL and is_plain(text):
        return None
    reason = refusal(text)
    return _implausible(text) if reason is None or "\t" in text else reason


def is_unusual(email: str) -> bool:
    """Whether an address has a character that RFC 5322 keeps for special uses.

    It may be intended; but if such an email is not found, the character is the likely reason.
    """
    return _SPECIAL.search(email) is not None


def addresses_in(text: str) -> Iterator[str]:
    """Return the addresses in a text: of a list, of display names, of `mailto:` links."""
    for piece in _PIECES.findall(text):
        if "@" in piece:
            address = _undecorated(piece)
            if objection(address) is None:
                yield address


def _implausible(text: str) -> str | None:
    local = _QUOTED_LOCAL_PART.match(text)
    outside = text if local is None else text[local.end() :]
    if not _SEPARATORS.isdisjoint(outside):
        if outside.count("@") > 1:
            return "looks like several addresses; give one each"
        return "looks like a row of a table; give the address alone"
    if not _AROUND.isdisjoint(outside):
        return "has brackets; give the address alone, without a name"
    if '"' in outside or _is_enclosed(outside):
        return "is in quotation marks or brackets"
    if any(map(str.isspace, outside)):
        return "has white space within; give the address alone"
    if outside.count("@") != 1:
        return "has more than one @"
    return _invisible(outside) or _decorated(outside)


def _is_enclosed(text: str) -> bool:
    if text[0] == text[-1] and text[0] in _APOSTROPHES:
        return True
    return _encloses(text[0]) or _encloses(text[-1])


def _encloses(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) in _ENCLOSING


def _invisible(text: str) -> str | None:
    if text.isascii():
        return None
    for character in text:
        if unicodedata.category(character) == "Cf":
            return f"has the invisible character U+{ord(character):04X}"
        if character == "\ufffd":
            return "has U+FFFD, which stands for a character that was lost"
    return None


def _decorated(text: str) -> str | None:
    if text.lower().startswith(_MAILTO):
        return "begins with mailto:"
    if _ASSIGNED.match(text):
        return "looks like an assignment; give the address alone"
    return "ends in a dot" if text[-1] == "." else None


def _undecorated(piece: str) -> str:
    """Remove what stands around an address, and invisible characters within it."""
    if piece.startswith('"'):
        return piece
    bare = "".join(one for one in piece if unicodedata.category(one) != "Cf")
    while (less := _peeled(bare)) != bare:
        bare = less
    return bare


def _peeled(text: str) -> str:
    if text.endswith(tuple(_TRAILING)):
        return text.rstrip(_TRAILING)
    if text.lower().startswith(_MAILTO):
        return text[len(_MAILTO) :].partition("?")[0]
    if (found := _ASSIGNED.match(text) or _ATTRIBUTE.match(text)) is not None:
        return text[found.end() :]
    if len(text) > 1 and text[0] == text[-1] and text[0] in _APOSTROPHES:
        return text[1:-1]
    if text and _encloses(text[0]):
        return text[1:]
    return text[:-1] if text and _encloses(text[-1]) else text
