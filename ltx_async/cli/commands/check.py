"""`ltx-async check`: the emails of a file, a pipe or the list call, a million if need be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ltx_async.alerts import MostUrgent, Thresholds
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.counts import MOST_SHOWN, Counts
from ltx_async.cli.checking.dry_run import dry_run
from ltx_async.cli.checking.earlier import MOST_KEPT, EarlierResults
from ltx_async.cli.checking.input_options import InputOptions, input_options
from ltx_async.cli.checking.inputs import emails_of
from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.checking.output import open_writer, output_options
from ltx_async.cli.checking.run import CheckRun
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.checking.thresholds import only, threshold_options
from ltx_async.cli.exits import ExitStatus, explanation
from ltx_async.cli.options import (
    FILE_NAME,
    client_options,
    outcome_names,
    quiet_option,
)
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.files.errors import FileError
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.stream import is_stream
from ltx_async.wording import counted


@click.command(
    help="""Look up the accounts of many emails.

    FILE is text with one email per line, CSV, TSV, JSON Lines, JSON or results of check, in
    gzip or not; - is standard input. Progress and the summary go to standard error.""",
    epilog="""\b
Examples:
  ltx-async check emails.txt -o results.jsonl
  ltx-async check emails.txt -o results.jsonl --resume
  ltx-async check accounts.csv --column login -o results.csv --rate 10
  ltx-async check --from-api --min-balance 10 --expires-within 7d > all.jsonl

Exit status: 0 all ok, 1 some need attention, 2 usage, 3 token or
subscription refused, 4 stopped early, 128 + N signal N.""",
)
@click.argument("sources", metavar="[FILE|-]...", nargs=-1, type=FILE_NAME)
@click.option("--from-api", is_flag=True, help="Take the emails from the list of accounts.")
@input_options
@click.option(
    "-n", "--limit", type=click.IntRange(1), metavar="N", help="Ask for so many emails at most."
)
@click.option("--dry-run", is_flag=True, help="Print what would be asked for, and ask nothing.")
@output_options
@click.option(
    "--only",
    callback=only,
    shell_complete=outcome_names,
    metavar="OUTCOME,...",
    help="Write only these; attention is what needs somebody.",
)
@threshold_options
@click.option(
    "--summary-json",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the summary as JSON.",
)
@client_options
@quiet_option
@in_event_loop
async def check(talk: Talk, interrupt: Interrupt, **options: Any) -> int:
    """Run `ltx-async check`."""
    options["inputs"] = InputOptions(**{n: options.pop(n) for n in InputOptions.__annotations__})
    own = {name: options.pop(name) for name in CheckOptions.__annotations__}
    check_options, client = CheckOptions(**own), ClientOptions(**options)
    check_options.verify(client.token_file)
    work = dry_run if check_options.dry_run else _check
    return await work(check_options, client, talk=talk, interrupt=interrupt)


async def _check(
    options: CheckOptions, client_options: ClientOptions, *, talk: Talk, interrupt: Interrupt
) -> int:
    observer = Observer()
    making = client_options.client(talk, observer)
    async with await unless_interrupted(interrupt, making) as client:
        emails = await unless_interrupted(interrupt, emails_of(options, client, talk))
        thresholds = Thresholds(options.min_balance, options.expires_within)
        # The summary as JSON has everybody who needs somebody, a person a page of them.
        most, most_earlier = (
            (MOST_SHOWN, MOST_KEPT) if options.summary_json is None else (None,) * 2
        )
        known = EarlierResults(emails.seen, thresholds, urgent=MostUrgent(most_earlier))
        earlier = EarlierRecords(known.add, options.renewal)
        writer = await unless_interrupted(interrupt, open_writer(options, earlier, talk))
        work = CheckRun(
            emails,
            writer,
            talk,
            counts=Counts(thresholds, urgent=MostUrgent(most)),
            observer=observer,
            only=options.only,
            live=options.output != "-" or not is_terminal(1),
            results=None if is_stream(options.output) else options.output,
        )
        summary = await work.finish(client, interrupt)
    if emails.composed and not options.inputs.extract:
        talk.warn(
            f"{counted(emails.composed, 'line')} not asked for: there are addresses among other "
            "things in them. --extract takes them out."
        )
    return _report(summary, options.summary_json, talk)


def _report(summary: Summary, summary_json: Path | None, talk: Talk) -> int:
    """Show and save the summary, and say last why the run ended early, if it did."""
    summary.show(talk)
    if not summary.counts.input and summary.error is None:
        talk.warn("there was no email in the input")
    if summary.error is not None and not isinstance(summary.error, BrokenPipeError):
        talk.fail(summary.explanation)
    if summary_json is not None:
        try:
            summary.save(summary_json)
        except FileError as error:
            talk.fail(explanation(error))
            if summary.exit_status <= ExitStatus.ATTENTION:
                return ExitStatus.STOPPED
    return summary.exit_status
