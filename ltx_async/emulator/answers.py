"""The answers of a healthy API, as the vendor documents them."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import islice
from typing import Final
from urllib.parse import unquote

from ltx_async.emulator.accounts import AccountStore
from ltx_async.emulator.exchange import Answer, Listing, Request
from ltx_async.emulator.steps import Status, to_json

API_PATH: Final = "/v1"
LIST_PATH: Final = f"{API_PATH}/ltxstudio/accounts"
WRONG_URL: Final = Status(404, {"error": "Not Found", "code": 404})

_LOOKUP: Final = f"{LIST_PATH}/"
_ONLY_IN_LOOKUPS: Final = ("balance", "latestCreatedAtMs")
_NOT_FOUND: Final = Status(404)
_NOT_GET: Final = Status(405, headers={"Allow": "GET"})
_UNAUTHORIZED: Final = Status(401)
_NO_SUBSCRIPTION: Final = Status(402)
_NO_ACCOUNTS: Final = Status(404, {"error": "No accounts configured", "code": 404})
_BATCH: Final = 500


def email_in(path: str) -> str | None:
    """Return the decoded email of a lookup's raw path, or None for any other path.

    The path is matched before decoding: `%2F` is part of an email and never separates. Octets
    that are not UTF-8 become lone surrogates, as `os.fsdecode` has it.
    """
    segment = path.removeprefix(_LOOKUP)
    if segment == path or not segment or "/" in segment:
        return None
    return unquote(segment, errors="surrogateescape") if "%" in segment else segment


def refuse(request: Request, *, token: str, subscription: bool) -> Status | None:
    """Return why `request` is refused whatever it asks for, or None."""
    if request.method != "GET":
        return _NOT_GET
    if request.headers.get("Authorization") != f"Bearer {token}":
        return _UNAUTHORIZED
    return None if subscription else _NO_SUBSCRIPTION


def account_answer(accounts: AccountStore, email: str) -> Status:
    """Return the account of `email`, or the documented 404."""
    account = accounts.get(email)
    return _NOT_FOUND if account is None else Status(200, to_json(account))


def list_answer(accounts: AccountStore, *, empty_status: int) -> Answer:
    """Return every account by email; with none, `{}` or a 404."""
    if not len(accounts) and empty_status == HTTPStatus.NOT_FOUND:
        return _NO_ACCOUNTS
    return Listing(_listing(accounts))


def _listing(accounts: AccountStore) -> Iterator[bytes]:
    emails = iter(accounts)
    opening = b"{"
    while batch := list(islice(emails, _BATCH)):
        yield opening + b",".join(_entries(accounts, batch))
        opening = b","
    yield b"}" if opening == b"," else b"{}"


def _entries(accounts: AccountStore, emails: Iterable[str]) -> Iterator[bytes]:
    for email in emails:
        account = accounts.get(email) or {}
        listed = {key: account[key] for key in account if key not in _ONLY_IN_LOOKUPS}
        yield to_json(email) + b":" + to_json(listed)
