"""`ltx-async accounts`: every configured account, from the list call."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import Any

from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.inputs import as_lookups, listed_accounts, warn_of_problems
from ltx_async.cli.checking.summary import show_attention
from ltx_async.cli.checking.thresholds import as_options
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.account_table import AccountTable
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.models import Lookup, Outcome
from ltx_async.results.ahead import Ahead
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.output import Writer
from ltx_async.results.stream import standard_output
from ltx_async.wording import counted


@partial(in_event_loop, many=False)
async def accounts(
    talk: Talk,
    interrupt: Interrupt,
    *,
    as_json: bool,
    expires_within: tuple[timedelta, ...],
    **client: Any,
) -> int:
    """Run `ltx-async accounts`."""
    thresholds = Thresholds(expires_within=expires_within)
    listing = _accounts(ClientOptions(**client), thresholds, talk, as_json=as_json)
    return await unless_interrupted(interrupt, listing)


async def _accounts(
    options: ClientOptions, thresholds: Thresholds, talk: Talk, *, as_json: bool
) -> int:
    began = time.monotonic()
    async with await options.client(talk) as client:
        listed = await listed_accounts(client)
    seconds = time.monotonic() - began
    as_lines = as_json or not is_terminal(1)
    writer: Writer[Lookup] = standard_output(JSON_LINES) if as_lines else AccountTable()
    counts, ahead = Counts(thresholds), Ahead()
    async for lookup in as_lookups(listed, seconds, client.base_url):
        if as_lines:
            await ahead.prepare(lookup)
        await writer.write(lookup)
        counts.add(lookup)
    await writer.close()
    broken = counts.by_name()[Outcome.NEEDS_REAUTH]
    talk.say(f"{counted(counts.done, 'account')}, {broken:,} to be signed in again")
    warn_of_problems(listed, talk)
    if thresholds or not talk.quiet:
        whole = f"ltx-async check --from-api{as_options(thresholds)} --summary-json FILE has all"
        show_attention(counts.urgent, talk, whole=whole)
    return counts.exit_status
