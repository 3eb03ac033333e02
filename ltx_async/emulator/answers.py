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

_LOOKUP: Final = f"{LIST_PATH}/"
_ONLY_IN_LOOKUPS: Final = ("balance", "latestCreatedAtMs")
_USAGE_PATH: Final = "/v2/account"
_WRONG_URL: Final = Status(404, {"error": "Not Found", "code": 404})
_NOT_FOUND: Final = Status(404)
_NOT_GET: Final = Status(405, headers={"Allow": "GET"})
_UNAUTHORIZED: Final = Status(401)
_NO_SUBSCRIPTION: Final = Status(402)
_NO_ACCOUNTS: Final = Status(404, {"error": "No accounts configured", "code": 404})
_BATCH: Final = 500
_PER_SUBSCRIPTION: Final = 3
_SERVICE: Final = "LTX Studio API"


def email_in(path: str) -> str | None:
    """Return the decoded email of a lookup's raw path, or None for any other path.

    The path is matched before decoding: `%2F` is part of an email and never separates. Octets
    that are not UTF-8 become lone surrogates, as `os.fsdecode` has it.
    """
    segment = path.removeprefix(_LOOKUP)
    if segment == path or not segment or "/" in segment:
        return None
    return unquote(segment, errors="surrogateescape") if "%" in segment else segment


def true_answer(
    request: Request,
    accounts: AccountStore,
    *,
    token: str,
    subscription: bool,
    empty_list_status: int,
) -> Answer:
    """Return what the API answers to `request` when all is well with it.

    Args:
        request: any request.
        accounts: the configured accounts.
        token: the API token to accept.
        subscription: whether there is one in force, without which no account is told.
        empty_list_status: 200 or 404, the answer to a list of no accounts.
    """
    path = request.path
    email = email_in(path)
    if email is None and path not in (LIST_PATH, _USAGE_PATH):
        return _WRONG_URL
    if request.method != "GET":
        return _NOT_GET
    if request.headers.get("Authorization") != f"Bearer {token}":
        return _UNAUTHORIZED
    if path == _USAGE_PATH:
        return Listing(_usage(accounts, active=subscription))
    if not subscription:
        return _NO_SUBSCRIPTION
    if email is not None:
        account = accounts.get(email)
        return _NOT_FOUND if account is None else Status(200, to_json(account))
    if not len(accounts) and empty_list_status == HTTPStatus.NOT_FOUND:
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


def _usage(accounts: AccountStore, *, active: bool) -> Iterator[bytes]:
    """Write the caller's useapi.net account piece by piece, as many accounts take long to count.

    Each subscription covers three accounts, broken ones included, and there are as many as the
    accounts need. Broken accounts are mentioned only if there are any
    (https://useapi.net/docs/account-management/get-account).
    """
    broken = 0
    for counted, email in enumerate(accounts, start=1):
        broken += bool((accounts.get(email) or {}).get("error"))
        if not counted % _BATCH:
            yield b""
    total = len(accounts)
    subscriptions = max(1, -(-total // _PER_SUBSCRIPTION))
    states = {"total": total, "active": total - broken} | ({"error": broken} if broken else {})
    yield to_json(
        {
            "id": 12345,
            "email": "owner@example.com",
            "name": "Example Owner",
            "created": "2025-03-04T09:12:13.000Z",
            "verified": "2025-03-04T09:13:14.000Z",
            "sub": "260304",
            "subscriptionIsActive": active,
            "subscriptions": subscriptions,
            "maxAccountsPerAPI": subscriptions * _PER_SUBSCRIPTION,
            "accounts": {_SERVICE: states} if total else {},
        }
    )
