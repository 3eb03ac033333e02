"""Reply in, `Account` or error out: the table of API.md as code."""

from __future__ import annotations

import json
import re
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from attrs import define, field

from ltx_async.codec.account_list import AccountList
from ltx_async.codec.accounts import FIELDS, json_type, structure_account
from ltx_async.codec.identity import is_same_account
from ltx_async.codec.limits import stated_rate
from ltx_async.codec.members import LONGEST, members
from ltx_async.codec.waits import retry_after
from ltx_async.errors import (
    CLASS_OF_STATUS,
    AccountNotFoundError,
    DecodeError,
    LTXError,
    ProtocolError,
    ResponseError,
)
from ltx_async.jsontext import NotJSONError, decode, fold
from ltx_async.models import Account
from ltx_async.wording import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ltx_async.codec.redaction import Redaction

OK, NOT_FOUND, TOO_MANY = 200, 404, 429
LONGEST_MESSAGE = 200
_MOST_PROBLEMS: Final = 20
_MOST_ODD: Final = 1000  # with more odd members a list is refused, not kept in memory
_PAGE: Final = "an HTML page"
_NOT_OF_THE_API: Final = "a challenge or a proxy's page, no answer of the API"
_PAGE_HINT: Final = (
    "Something in front of the API answers in its place: a captive portal, a proxy or a "
    "challenge. Open the base URL in a browser to see it, or let `ltx-async doctor` look."
)
_NO_ACCOUNT: Final = "Account configuration not found"
_IDENTIFYING: Final = FIELDS - {"error"}
_HTML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<")


@define  # made for every lookup: a frozen one would take three times as long to make
class Reply:
    """What came back, undecoded; not to be changed, but for `abandoned`.

    Attributes:
        status: the status code as it stood in the status line.
        headers: lower-case names; a repeated header's values joined with `, `.
        body: all of it, at most the request's cap.
        delimited: whether the reply itself said where its body ends; False where only
            the end of the connection did, which may have come early.
        carrier: the connection that brought it, as its transport knows it.
        abandoned: whether nobody waits any more for what is made of it; the reading of a long
            list, in a thread, ends then.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    delimited: bool = True
    carrier: object = field(default=None, repr=False, eq=False)
    abandoned: bool = field(default=False, init=False, repr=False, eq=False)


def parse_account(reply: Reply, email: str, redaction: Redaction) -> Account | LTXError:
    """Return the account that a reply holds, or the error that it amounts to.

    Only a 200 with a JSON object that has a documented field besides `error` is an
    account; one whose `email` is another than the one asked for (case aside) is not.
    """
    if reply.status != OK:
        return error_of(reply, email, redaction)
    said = _decoded(reply.body, redaction)
    if isinstance(said, DecodeError):
        said.email = email
        return said if reply.delimited else _cut_off(email)
    account = _account(*said)
    if not isinstance(account, Account):
        return _undecodable(account, email)
    answered = account.email
    if answered is None or is_same_account(email, answered):
        return account
    return _undecodable(["email: another than the one asked for"], email, another_email=True)


def parse_accounts(reply: Reply, redaction: Redaction) -> AccountList | LTXError:
    """Return the accounts of the list call by email, or the error that the reply is.

    An object is not a list if no member is an account or named like one, or if a thousand of its
    members are odd.
    """
    if reply.status != OK:
        return error_of(reply, None, redaction)
    entries: dict[str, Account | DecodeError] = {}
    odd = 0
    try:
        for name, text in members(reply.body):
            email = redaction.text(name)
            entries[email] = entry = _listed(text, email, redaction)
            odd += isinstance(entry, DecodeError)
            if odd >= _MOST_ODD:
                break
            if reply.abandoned:
                while entries:  # all at once would hold up every other thread
                    entries.popitem()
                return _undecodable(["nobody waits for the list any more"], None)
    except NotJSONError as error:
        undecodable = _no_object(reply.body, str(error), redaction)
        return undecodable if reply.delimited else _cut_off(None)
    accounts = AccountList(entries)
    if odd >= _MOST_ODD or (odd and not accounts.emails):
        return _undecodable(list(_paths(accounts.problems)), None)
    return accounts


def _listed(text: bytes, email: str, redaction: Redaction) -> Account | DecodeError:
    """Read an entry of the list, where only the name of the member says whose account it is."""
    said = _decoded(text, redaction)
    if isinstance(said, DecodeError):
        said.email = email
        return said
    wire, decoded = said
    error = wire.get("error")
    broken = type(error) is str and error.strip()
    account = structure_account(wire, decoded) if broken else _account(wire, decoded)
    return account if isinstance(account, Account) else _undecodable(account, email)


def _paths(problems: Mapping[str, DecodeError]) -> Iterator[str]:
    for name, error in islice(problems.items(), _MOST_PROBLEMS):
        yield from (f"[{name!r}]: {problem}" for problem in error.problems)


def _no_object(body: bytes, reason: str, redaction: Redaction) -> DecodeError:
    """Say why a body is not a JSON object; the reason is not looked for in a huge one."""
    said = _decoded(body, redaction) if len(body) <= LONGEST or is_html(body) else None
    return said if isinstance(said, DecodeError) else _undecodable([reason], None)


def _decoded(body: bytes, redaction: Redaction) -> tuple[dict[str, Any], bytes] | DecodeError:
    """Return the JSON object that a body is, and its text, both without the token."""
    if not body.startswith(b"{") and is_html(body):
        return _undecodable([f"{_PAGE} in place of JSON"], None, html=True)
    folded = fold(body)
    try:
        value = decode(body, folded)
    except NotJSONError as error:
        return _undecodable([str(error)], None)
    if type(value) is not dict:
        return _undecodable([f"expected an object, got {json_type(value)}"], None)
    if redaction.concerns(body, folded):
        value = redaction.value(value)
        body = json.dumps(value).encode()
    return value, body


def _account(wire: dict[str, Any], text: bytes) -> Account | Sequence[str]:
    if wire.get("email") is None and all(wire.get(name) is None for name in _IDENTIFYING):
        return ["no documented field besides `error`"]
    return structure_account(wire, text)


def _cut_off(email: str | None) -> ProtocolError:
    """Return the error of a body that the connection's end may have cut short."""
    return ProtocolError("the body does not say its length, and is no whole JSON", email=email)


def _undecodable(
    problems: Sequence[str], email: str | None, *, html: bool = False, another_email: bool = False
) -> DecodeError:
    shown = [_one_line(problem) for problem in problems[:_MOST_PROBLEMS]]
    message = "HTTP 200 but no account: " + "; ".join(shown[:3])
    hint = _PAGE_HINT if html else None
    return DecodeError(
        message, hint=hint, problems=shown, html=html, another_email=another_email, email=email
    )


def error_of(reply: Reply, email: str | None, redaction: Redaction) -> LTXError:
    """Return the error of a reply whose status is not 200."""
    status = reply.status
    if status < 100:
        return ProtocolError(f"the status {status} is below 100", email=email)
    html = is_html(reply.body)
    body = None if html else _any_json(reply.body)
    if status == NOT_FOUND and body is None and not reply.delimited:
        return _cut_off(email)  # what was cut off may have been an HTML page
    if 300 <= status < 400:
        text = _location(reply)
    else:
        text = f"{_PAGE} ({_NOT_OF_THE_API})" if html else _server_text(reply.body, body, redaction)
    text = _one_line(redaction.text(text))
    ray = reply.headers.get("cf-ray")
    throttle = status == TOO_MANY
    wait = retry_after(reply.headers, body, time.time(), throttle=throttle)
    message = f"HTTP {status}: {text}" if text else f"HTTP {status}"
    if wait is not None and (throttle or 500 <= status < 600):
        message += f" (asks to wait {wait:g} s)"
    cls = _class_of(status, html=html)
    known = {"confirmed": _is_of_the_api(text, body)} if cls is AccountNotFoundError else {}
    return cls(
        message,
        **known,
        hint=_PAGE_HINT if html and cls is ResponseError else None,
        status=status,
        ray=_one_line(redaction.text(ray)) if ray else None,
        retry_after=wait,
        allowed=stated_rate(reply.headers) if throttle else None,
        html=html,
        email=email,
    )


def _class_of(status: int, *, html: bool) -> type[ResponseError]:
    """Choose the class: an HTML 404 comes from a wrong host, not from the API."""
    if status == NOT_FOUND and html:
        return ResponseError
    return CLASS_OF_STATUS.get(status, ResponseError)


def _is_of_the_api(text: str, body: Any) -> bool:
    """Whether somebody who knows the API has sent a 404: in its words, or as a JSON error."""
    return _NO_ACCOUNT in text or (isinstance(body, dict) and bool(body.get("error")))


def is_html(body: bytes) -> bool:
    """Whether a body begins with `<` after white space, whatever its header says."""
    return _HTML.match(body, 0, LONGEST) is not None


def _any_json(body: bytes) -> Any:
    try:
        return decode(body) if len(body) <= LONGEST else None
    except NotJSONError:
        return None


def _location(reply: Reply) -> str:
    """Name the host that a redirect leads to, and nothing else of it."""
    try:
        host = urlsplit(reply.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return f"redirects to {host}" if host else "redirects"


def _server_text(raw: bytes, body: Any, redaction: Redaction) -> str:
    """Find what the server says: one of three JSON shapes, or bare text."""
    if isinstance(body, dict):
        error = body.get("error", body.get("message"))
        if isinstance(error, dict):
            error = error.get("message") or error.get("status")
        return error if isinstance(error, str) else ""
    return body if isinstance(body, str) else redaction.beginning(raw, 4096)


def _one_line(text: str) -> str:
    """Make server text harmless and short: printable, one line, 200 characters."""
    return clipped(" ".join(text.split()), LONGEST_MESSAGE)
