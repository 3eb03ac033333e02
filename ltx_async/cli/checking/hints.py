"""A run in which nothing is found from the start on: say once what that may mean."""

from __future__ import annotations

from typing import Final

from attrs import define
from yarl import URL

from ltx_async import AccountList, LTXClient
from ltx_async.errors import AccountNotFoundError, LTXError
from ltx_async.inputs.addresses import is_unusual
from ltx_async.models import Lookup, Outcome
from ltx_async.transport.endpoint import doubt_about
from ltx_async.wording import clipped, counted

_EXAMPLE: Final = "the API's ends in /v1"
_LONGEST_SHOWN: Final = 60


@define
class UnusualEmails:
    """Counts the emails that were not found and have characters that are rare in addresses."""

    _first: str = ""
    _count: int = 0

    def add(self, lookup: Lookup) -> None:
        """Take note of a lookup."""
        if lookup.outcome is Outcome.NOT_FOUND and is_unusual(lookup.email):
            self._first = self._first or clipped(lookup.email, _LONGEST_SHOWN)
            self._count += 1

    def warning(self) -> str | None:
        """Return a warning about those counted since the last call; None if there are none."""
        count, first, self._count, self._first = self._count, self._first, 0, ""
        if not count:
            return None
        return (
            f"{counted(count, 'email')} not found with characters that addresses rarely have, "
            f"such as {first!r}: is each of them the address alone?"
        )


def is_empty_list(error: AccountNotFoundError, client: LTXClient) -> bool:
    """Whether a 404 in place of the list is the API's, which says so that there are no accounts.

    Any server answers so for a path that it does not have, many of them in JSON too.
    """
    return error.confirmed and doubt_about(URL(client.base_url)) is None


async def explain_not_found(client: LTXClient, missing: int) -> str:
    """Ask for the list of accounts once, and say why none of the first emails was found."""
    beginning = f"none of the first {missing} emails was found"
    try:
        accounts = await client.list_accounts()
    except AccountNotFoundError as error:
        if not is_empty_list(error, client):
            return (
                f"{beginning}, and where the list of accounts should be there is nothing either: "
                f"the base URL may be wrong ({_EXAMPLE}), or the API may still be retired."
            )
        accounts = AccountList()
    except LTXError as error:
        return (
            f"{beginning}, and the list of accounts cannot be had ({error.message}): "
            f"the base URL may be wrong ({_EXAMPLE}), or the API may still be retired."
        )
    if not accounts.emails:
        return (
            f"{beginning}, and this API token has no account configured: it may belong to another "
            "useapi.net account, or the API may still be retired."
        )
    configured = counted(len(accounts.emails), "account")
    return (
        f"{beginning}, though this API token has {configured} configured: "
        "the emails may belong to another useapi.net account. "
        "`ltx-async accounts` lists the configured ones."
    )
