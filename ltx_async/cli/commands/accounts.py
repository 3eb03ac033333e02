"""`ltx-async accounts`: every configured account, from the list call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from ltx_async import AccountList
from ltx_async.cli.checking.listing import listed_accounts, warn_of_problems
from ltx_async.cli.exits import ExitStatus
from ltx_async.cli.options import client_options, json_option, quiet_option
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.account_table import AccountTable
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.models import Lookup, Outcome
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.stream import standard_output
from ltx_async.results.text_file import Writer
from ltx_async.wording import counted


@click.command(
    help="""List every configured account, in one request.

    A table on a terminal, JSON lines otherwise. The API leaves the balance out of its list:
    `check --from-api` looks each account up.""",
    epilog="Example:  ltx-async accounts --json | head",
)
@json_option
@client_options
@quiet_option
@in_event_loop
async def accounts(talk: Talk, interrupt: Interrupt, *, as_json: bool, **client: Any) -> int:
    """Run `ltx-async accounts`."""
    listing = _accounts(ClientOptions(**client), talk, as_json=as_json)
    return await unless_interrupted(interrupt, listing)


async def _accounts(options: ClientOptions, talk: Talk, *, as_json: bool) -> int:
    began = time.monotonic()
    async with await options.client(talk) as client:
        listed = await listed_accounts(client)
    lookups = list(_as_lookups(listed, time.monotonic() - began))
    as_lines = as_json or not is_terminal(1)
    writer: Writer[Lookup] = standard_output(JSON_LINES) if as_lines else AccountTable()
    for lookup in lookups:
        await writer.write(lookup)
    await writer.close()
    broken = sum(lookup.outcome is Outcome.NEEDS_REAUTH for lookup in lookups)
    talk.say(f"{counted(len(lookups), 'account')}, {broken:,} to be signed in again")
    warn_of_problems(listed, talk)
    return ExitStatus.ATTENTION if broken or listed.problems else ExitStatus.OK


def _as_lookups(listed: AccountList, seconds: float) -> Iterator[Lookup]:
    """Make of each entry of the list the record that a lookup of it would give."""
    now = datetime.now(UTC)
    for index, email in enumerate(dict.fromkeys((*listed.emails, *listed.problems))):
        account, error = listed.get(email), listed.problems.get(email)
        if account is None:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.NEEDS_REAUTH if account.needs_reauth else Outcome.OK
        yield Lookup(index, email, outcome, account, error, 200, 1, seconds, now)
