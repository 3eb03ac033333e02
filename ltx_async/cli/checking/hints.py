"""A run in which nothing is found from the start on: say once what that may mean."""

from __future__ import annotations

from typing import Final

from attrs import define

from ltx_async import LTXClient
from ltx_async.cli.checking.listing import listed_accounts
from ltx_async.errors import LTXError
from ltx_async.inputs.addresses import is_unusual
from ltx_async.models import Lookup, Outcome
from ltx_async.wording import clipped, counted

_SUSPICIOUS: Final = 20
_LONGEST_SHOWN: Final = 60


@define
class NotFoundStreak:
    """Counts the 404s that a run begins with."""

    _found: int = 0

    def completed_by(self, lookup: Lookup) -> bool:
        """Whether this lookup is the twentieth in a row from the start that was not found."""
        if self._found < 0 or lookup.outcome is Outcome.INVALID:  # nothing was asked for those
            return False
        self._found = self._found + 1 if lookup.outcome is Outcome.NOT_FOUND else -1
        return self._found == _SUSPICIOUS


@define
class UnusualEmails:
    """Counts emails that were not found, and have characters that hardly any address has."""

    _first: str = ""
    _count: int = 0

    def add(self, lookup: Lookup) -> None:
        """Take note of a lookup."""
        if lookup.outcome is Outcome.NOT_FOUND and is_unusual(lookup.email):
            self._first = self._first or clipped(lookup.email, _LONGEST_SHOWN)
            self._count += 1

    def warning(self) -> str | None:
        """Return what to say of those since the last time; None for nothing."""
        count, first, self._count, self._first = self._count, self._first, 0, ""
        if not count:
            return None
        return (
            f"{counted(count, 'email')} not found with characters that addresses rarely have, "
            f"such as {first!r}: is each of them the address alone?"
        )


async def explain_not_found(client: LTXClient) -> str:
    """Ask for the list of accounts once and say what the missing ones may be due to."""
    beginning = f"none of the first {_SUSPICIOUS} emails was found"
    try:
        accounts = await listed_accounts(client)
    except LTXError as error:
        return (
            f"{beginning}, and the list of accounts cannot be had ({error.message}): "
            "the base URL may be wrong, or the API may still be retired."
        )
    if not accounts.emails:
        return (
            f"{beginning}, and this token has no account configured: it may belong to another "
            "useapi.net account, or the API may still be retired."
        )
    configured = counted(len(accounts.emails), "account")
    return (
        f"{beginning}, though this token has {configured} configured: "
        "the emails may belong to another useapi.net account. "
        "`ltx-async accounts` lists the configured ones."
    )
