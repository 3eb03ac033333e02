"""Whom a run asks for: emails out of the inputs, or the configured accounts of the list call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final

from ltx_async import AccountList, LTXClient
from ltx_async.cli.checking.hints import is_empty_list
from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.errors import AccountNotFoundError
from ltx_async.files.errors import OutputRefusedError
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.reading import open_emails
from ltx_async.inputs.source import STANDARD_INPUT, is_same_file
from ltx_async.models import Lookup, Outcome, outcome_of
from ltx_async.wording import clipped, counted

_LONGEST_NAME: Final = 60
_AT_A_TIME: Final = 1_000  # lookups between two turns of the loop


async def emails_of(options: CheckOptions, client: LTXClient | None, talk: Talk) -> DistinctEmails:
    """Open what the emails are in, and look at its beginning; or ask for the list of accounts.

    Args:
        options: which it is.
        client: needed for the list call alone; may be None otherwise.
        talk: prints which assumptions were made.

    Raises:
        InputError: an input cannot be read, or not as it was said.
        OutputRefusedError: an input is the output.
        LTXError: the list cannot be had.
    """
    if client is not None and options.from_api:
        emails = DistinctEmails.of(await listed_emails(client, talk))
    else:
        emails = await _opened(options, talk)
    emails.limit = options.limit
    return emails


async def _opened(options: CheckOptions, talk: Talk) -> DistinctEmails:
    if STANDARD_INPUT in options.sources and is_terminal(0):
        talk.say("type the emails, one per line; Ctrl-D ends them")
    if options.output != "-" and any(is_same_file(n, options.output) for n in options.sources):
        raise OutputRefusedError(f"{options.output}: is the input.")
    emails = open_emails(options.sources, options.inputs.how(talk.say))
    try:
        await emails.peek()
    except BaseException:
        emails.close()
        raise
    return emails


async def listed_accounts(client: LTXClient) -> AccountList:
    """Return the configured accounts by email; the API may say with a 404 that there are none.

    Raises:
        LTXError: the list cannot be had, or it is not the API that says so.
    """
    try:
        return await client.list_accounts()
    except AccountNotFoundError as error:
        if is_empty_list(error, client):
            return AccountList()
        failure = error
    raise AccountNotFoundError(
        f"no list of accounts: {failure.message}", confirmed=False, ray=failure.ray
    )


async def listed_emails(client: LTXClient, talk: Talk) -> tuple[str, ...]:
    """Return the emails of the list, those of odd entries too, with a warning about these.

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


async def as_lookups(listed: AccountList, seconds: float, base_url: str) -> AsyncGenerator[Lookup]:
    """Make of each entry of the list the lookup that asking for it alone would give.

    A list may have millions: again and again the loop has its turn, as for a signal.

    Args:
        listed: the accounts of the list call.
        seconds: how long that took.
        base_url: where it was asked for.
    """
    now = datetime.now(UTC)
    for index, email in enumerate(dict.fromkeys((*listed.emails, *listed.problems))):
        account, error = listed.get(email), listed.problems.get(email)
        outcome = Outcome.FAILED if account is None else outcome_of(account)
        if index % _AT_A_TIME == _AT_A_TIME - 1:
            await asyncio.sleep(0)
        yield Lookup(index, email, outcome, account, error, 200, 1, seconds, now, base_url)
