"""`ltx-async get`: a few emails, named on the command line."""

from __future__ import annotations

from functools import partial
from typing import Any

from ltx_async.cli.checking.activity import OBSERVED
from ltx_async.cli.checking.run import CheckRun
from ltx_async.cli.exits import explanation
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.account_table import AccountTable
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.files.errors import FileError
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.models import Lookup
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.output import Writer
from ltx_async.results.stream import standard_output
from ltx_async.wording import counted


@partial(in_event_loop, many=False)
async def get(
    talk: Talk, interrupt: Interrupt, *, emails: tuple[str, ...], as_json: bool, **options: Any
) -> int:
    """Run `ltx-async get`."""
    writer: Writer[Lookup] = AccountTable()
    if as_json or not is_terminal(1):
        writer = standard_output(JSON_LINES)
    work = CheckRun(
        DistinctEmails.of(emails),
        writer,
        talk,
        ordered=True,
        settles=False,
        live=not is_terminal(1) or not as_json,
    )
    making = ClientOptions(**options).client(talk, work.observer, OBSERVED)
    async with await unless_interrupted(interrupt, making) as client:
        summary = await work.finish(client, interrupt)
    if summary.counts.pending and not isinstance(summary.error, BrokenPipeError | FileError):
        talk.say(
            f"no answer for {summary.counts.pending:,} of {counted(summary.counts.input, 'email')}"
        )
    if summary.error is not None and not quiet_end(summary.error):
        talk.fail(explanation(summary.error))
    return summary.exit_status


def quiet_end(error: Exception | None) -> bool:
    """Whether a command ends without a word: its reader has gone."""
    return isinstance(error, BrokenPipeError)
