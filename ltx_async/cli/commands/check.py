"""`ltx-async check`: the emails of a file, a pipe or the list call, a million if need be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.counts import MOST_SAVED, MOST_SHOWN, Counts
from ltx_async.cli.checking.dry_run import dry_run
from ltx_async.cli.checking.earlier import MOST_KEPT, EarlierResults
from ltx_async.cli.checking.inputs import emails_of
from ltx_async.cli.checking.measuring import make_metrics, told
from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.checking.output import open_writer
from ltx_async.cli.checking.run import CheckRun
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.checking.urgent import MostUrgent
from ltx_async.cli.exits import ExitStatus, explanation
from ltx_async.cli.input_options import InputOptions
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.errors import LTXError
from ltx_async.files.errors import FileError
from ltx_async.monitor.figures import Figures
from ltx_async.results.earlier import EarlierRecords
from ltx_async.wording import counted

if TYPE_CHECKING:
    from ltx_async.inputs.emails import DistinctEmails
    from ltx_async.monitor.metrics import Metrics


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
    metrics = None if options.metrics_file is None else make_metrics(options.metrics_labels)
    try:
        summary = await _run(options, client_options, metrics, talk=talk, interrupt=interrupt)
    except LTXError:
        if metrics is not None:
            with contextlib.suppress(FileError):  # the first error is the one to report
                _save_metrics(metrics, None, options.metrics_file)
        raise
    saving: list[Callable[[], None]] = []
    if options.summary_json is not None:
        saving.append(partial(summary.save, options.summary_json))
    if metrics is not None and summary.signal is None:
        saving.append(partial(_save_metrics, metrics, summary, options.metrics_file))
    return _report(summary, saving, talk)


async def _run(
    options: CheckOptions,
    client_options: ClientOptions,
    metrics: Metrics | None,
    *,
    talk: Talk,
    interrupt: Interrupt,
) -> Summary:
    observer = Observer(talk)
    figures = None if metrics is None else Figures(options.thresholds, datetime.now(UTC))
    making = client_options.client(talk, *told(observer, metrics))
    async with await unless_interrupted(interrupt, making) as client:
        emails = await unless_interrupted(interrupt, emails_of(options, client, talk))
        # The JSON summary lists the accounts that need somebody, standard error only a page.
        most, most_earlier = (
            (MOST_SHOWN, MOST_KEPT) if options.summary_json is None else (MOST_SAVED,) * 2
        )
        known = EarlierResults(
            emails.seen, options.thresholds, urgent=MostUrgent(most_earlier), figures=figures
        )
        earlier = EarlierRecords(known.add, options.renewal)
        opening = open_writer(options, earlier, talk, client.base_url)
        writer, results = await unless_interrupted(interrupt, opening)
        work = CheckRun(
            emails,
            writer,
            talk,
            counts=Counts(options.thresholds, urgent=MostUrgent(most), figures=figures),
            observer=observer,
            only=options.only,
            ordered=options.ordered,
            live=options.output != "-" or not is_terminal(1),
            results=results,
            again=options.again,
        )
        summary = await work.finish(client, interrupt)
    if not isinstance(summary.error, BrokenPipeError):  # nobody reads any more: not a word
        _warn_of_lines(emails, talk)
    return summary


def _warn_of_lines(emails: DistinctEmails, talk: Talk) -> None:
    """Tell what kept lines from being asked for, where something can be done about it."""
    if emails.unfilled:
        talk.warn(
            f"{counted(emails.unfilled + 1, 'line')} without an email: one record stands for all, "
            "and the others count as duplicates."
        )
    lines = emails.lines
    if lines.composed:
        talk.warn(
            f"{counted(lines.composed, 'line')} not asked for: there are addresses among other "
            "things in them. --extract takes them out."
        )
    if lines.undecodable:
        talk.warn(
            f"{counted(lines.undecodable, 'line')} not asked for: the email cannot be decoded. "
            "Name the encoding of the input, such as --encoding cp1252."
        )


def _save_metrics(metrics: Metrics, summary: Summary | None, path: Path | None) -> None:
    """Write the figures of a run to a file, or only that it failed.

    Raises:
        FileError: it cannot be written.
    """
    assert path is not None  # called only with `--metrics-file`
    metrics.recall(path)
    now = datetime.now(UTC)
    if summary is None:
        metrics.end_round(None, None, now, up=False)
    else:
        up = summary.error is None
        metrics.end_round(summary.counts.figures if up else None, summary.stats, now, up=up)
    metrics.save(path)


def _report(summary: Summary, saving: Sequence[Callable[[], None]], talk: Talk) -> int:
    """Show and save the summary, and say last why the run ended early, if it did."""
    summary.show(talk)
    if not summary.counts.input and summary.error is None and summary.signal is None:
        talk.warn("there was no email in the input")
    if summary.error is not None and not isinstance(summary.error, BrokenPipeError):
        talk.fail(summary.explanation)
    status = summary.exit_status
    for save in saving:
        try:
            save()
        except FileError as error:
            talk.fail(explanation(error))
            if status <= ExitStatus.ATTENTION:
                status = ExitStatus.STOPPED
    return status
