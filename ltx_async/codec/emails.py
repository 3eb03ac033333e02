"""Email in, request out; or a refusal before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from attrs import define, field

from ltx_async.errors import LONGEST_EMAIL, InvalidEmailError, as_text

ACCOUNTS_PATH = "/ltxstudio/accounts"
ACCOUNT_BODY_CAP = 1 << 20
LIST_BODY_CAP = 64 << 20
LONGEST_RECORD = 8 * ACCOUNT_BODY_CAP
"""Most bytes of a record's line: written with escapes, an account may be six times as long."""

_UNSENDABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PLAIN = re.compile(
    "[A-Za-z0-9_~+-][A-Za-z0-9_.~+-]*@[A-Za-z0-9_.~-]+"
)  # of these characters, only + is encoded
_BLANKS = frozenset({"NAType", "NaTType"})  # pandas' missing values, without importing pandas
_SEPARATOR = re.compile(r"[/\\]")


@define  # made for every lookup: a frozen one would take three times as long to make
class Request:
    """One GET below the base URL; not to be changed.

    Attributes:
        target: path after the base URL, percent-encoded, with a leading slash.
        body_cap: the largest body that is accepted in answer, in bytes.
        headers: whether the headers of a 200 are wanted; reading them costs time.
        fields: header fields of this request alone; None, as nearly always, for none.
    """

    target: str
    body_cap: int
    headers: bool = False
    fields: Mapping[str, str] | None = field(default=None, repr=False)


ACCOUNT_LIST = Request(ACCOUNTS_PATH, LIST_BODY_CAP, headers=True)


def account_target(email: str) -> Request:
    """Return the request that asks for one account.

    The email is one path segment (RFC 3986 3.3): all of it is percent-encoded
    but `@`, which the vendor's samples send as it is.

    Raises:
        InvalidEmailError: the server could not be asked for exactly this email.
    """
    if type(email) is str and len(email) <= LONGEST_EMAIL and _PLAIN.fullmatch(email):
        return Request(f"{ACCOUNTS_PATH}/{email.replace('+', '%2B')}", ACCOUNT_BODY_CAP)
    reason = refusal(email)
    if reason is not None:
        raise InvalidEmailError(reason, email=as_text(email))
    return Request(f"{ACCOUNTS_PATH}/{quote(email, safe='@')}", ACCOUNT_BODY_CAP)


def refusal(email: object) -> str | None:
    """Say why this email is never sent, or None when it may be.

    The length comes first, so that a line of megabytes costs nothing. Parts `.`
    and `..` are refused because servers resolve them even when encoded
    (RFC 3986 6.2.2), and would then be asked for something else.
    """
    if not isinstance(email, str):
        return f"the email is no text but of type {type(email).__name__}{_way_out(email)}"
    if len(email) > LONGEST_EMAIL:
        return f"the email is longer than {LONGEST_EMAIL} octets"
    if not email or email.isspace():
        return "the email is empty"
    if "@" not in email[1:-1]:
        return "the email has no @ with something on both sides"
    if not email.isprintable() and _UNSENDABLE.search(email):
        return "the email has control characters or lone surrogates"
    if email[0].isspace() or email[-1].isspace():
        return "the email has white space at its beginning or end"
    if len(email) * 4 > LONGEST_EMAIL and len(email.encode()) > LONGEST_EMAIL:
        return f"the email is longer than {LONGEST_EMAIL} octets"
    if ("/" in email or "\\" in email) and not {".", ".."}.isdisjoint(_SEPARATOR.split(email)):
        return "the email has a part . or .., which servers resolve as a path"
    return None


def _way_out(value: object) -> str:
    """Say how to get at the email, for an object that was passed as one but only contains it."""
    if hasattr(value, "as_py"):
        return ": pass column.to_pylist(), or take value.as_py()"
    if isinstance(value, Mapping) or hasattr(value, "keys"):
        return ': did you pass rows? take row["email"]'
    if isinstance(value, bytes | bytearray):
        return ": decode it first, value.decode()"
    if hasattr(value, "__len__"):  # a tuple, a list, an array of numpy
        return ": did you pass rows? take row[0]"
    if value is None or isinstance(value, float) or type(value).__name__ in _BLANKS:
        return ": is it a blank? leave it out"
    return ""
