"""`ltx-async check`: the emails of a file, a pipe or the list call, a million if need be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltx_async.alerts import MostUrgent, Thresholds
from ltx_async.cli.checking.activity import OBSERVED, Observer
from ltx_async.cli.checking.counts import MOST_SHOWN, Counts
from ltx_async.cli.checking.dry_run import dry_run
from ltx_async.cli.checking.earlier import MOST_KEPT, EarlierResults
from ltx_async.cli.checking.input_options import InputOptions
from ltx_async.cli.checking.inputs import emails_of
from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.checking.output import open_writer
from ltx_async.cli.checking.run import CheckRun
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.exits import ExitStatus, explanation
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.files.errors import FileError
from ltx_async.results.earlier import EarlierRecords
from ltx_async.wording import counted


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
    making = client_options.client(talk, observer, OBSERVED)
    async with await unless_interrupted(interrupt, making) as client:
        emails = await unless_interrupted(interrupt, emails_of(options, client, talk))
        thresholds = Thresholds(options.min_balance, options.expires_within)
        # The summary as JSON has everybody who needs somebody, a person a page of them.
        most, most_earlier = (
            (MOST_SHOWN, MOST_KEPT) if options.summary_json is None else (None,) * 2
        )
        known = EarlierResults(emails.seen, thresholds, urgent=MostUrgent(most_earlier))
        earlier = EarlierRecords(known.add, options.renewal)
        writer, results = await unless_interrupted(interrupt, open_writer(options, earlier, talk))
        work = CheckRun(
            emails,
            writer,
            talk,
            counts=Counts(thresholds, urgent=MostUrgent(most)),
            observer=observer,
            only=options.only,
            ordered=options.ordered,
            live=options.output != "-" or not is_terminal(1),
            results=results,
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
