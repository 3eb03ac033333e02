"""The configured accounts, as the list call gives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from ltx_async import AccountList, LTXClient
from ltx_async.cli.terminal.messages import Talk
from ltx_async.errors import AccountNotFoundError
from ltx_async.models import Lookup, Outcome
from ltx_async.wording import clipped, counted

_LONGEST_NAME: Final = 60


async def listed_accounts(client: LTXClient) -> AccountList:
    """Return the configured accounts by email; the API may say with a 404 that there are none.

    Raises:
        LTXError: the list cannot be had.
    """
    try:
        return await client.list_accounts()
    except AccountNotFoundError:
        return AccountList()


async def listed_emails(client: LTXClient, talk: Talk) -> tuple[str, ...]:
    """Return the emails of the list; where it is odd about some, they are asked for all the same.

    Raises:
        LTXError: the list cannot be had.
    """
    listed = await listed_accounts(client)
    warn_of_problems(listed, talk)
    return listed.emails


def warn_of_problems(listed: AccountList, talk: Talk) -> None:
    """Say that something in the list is not as it is documented, and name one of it."""
    if listed.problems:
        name, error = next(iter(listed.problems.items()))
        entries = counted(len(listed.problems), "odd account")
        shown = clipped(name, _LONGEST_NAME)
        talk.warn(f"{entries} in the list, such as {shown!r}: {error.problems[0]}")


def as_lookups(listed: AccountList, seconds: float) -> Iterator[Lookup]:
    """Make of each entry of the list the lookup that asking for it alone would give.

    Args:
        listed: the accounts of the list call.
        seconds: how long that took.
    """
    now = datetime.now(UTC)
    for index, email in enumerate(dict.fromkeys((*listed.emails, *listed.problems))):
        account, error = listed.get(email), listed.problems.get(email)
        if account is None:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.NEEDS_REAUTH if account.needs_reauth else Outcome.OK
        yield Lookup(index, email, outcome, account, error, 200, 1, seconds, now)
