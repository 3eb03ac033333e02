"""`ltx-async report`: results at a glance, on the terminal or as one HTML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
from attrs import frozen
from rich.filesize import decimal

from ltx_async.alerts import Thresholds
from ltx_async.cli.exits import CommandError, ExitStatus
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.terminal.report_text import MOST_BARS, show_attention, show_report
from ltx_async.extras import install_command
from ltx_async.files.private import verify_distinct, verify_replaceable
from ltx_async.files.replacement import write_whole
from ltx_async.report import (
    Comparison,
    MissingPlotlyError,
    Results,
    Summary,
    attention_table,
    collect,
    compare,
    plotly_script,
    render_page,
    summarise,
)
from ltx_async.results.reading import RecordReader, read_results

_PAGES: Final = frozenset({".html", ".htm"})
_TABLES: Final = frozenset({".csv", ".tsv"})
_STANDARD_INPUT: Final = "-"


def report(
    *,
    results: tuple[str, ...],
    output: Path | None,
    since: Path | None,
    attention: bool,
    min_balance: float | None,
    expires_within: tuple[timedelta, ...],
    as_json: bool,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Run `ltx-async report`."""
    if output is not None:
        _verify(output, attention=attention)
        verify_distinct(output, *results, since)
        verify_replaceable(output, overwrite=overwrite)
    if attention and since is not None:
        raise click.UsageError("Give either --attention or --since.")
    is_page = output is not None and output.suffix.lower() in _PAGES
    plotly = _plotly() if is_page else ""
    newer = collect(*_readers(results))
    told = _Told(newer, Thresholds(min_balance, expires_within), datetime.now(UTC))
    if attention:
        told = told.attention_alone()
    comparison = (
        None if since is None else compare(collect(read_results(since, accounts=False)), newer)
    )
    if output is not None:
        data = told.page(comparison, plotly) if is_page else told.table(output.suffix.lower())
        write_whole(output, data, overwrite=overwrite)
        hint = ", open it in a browser" if is_page else ""
        Talk(quiet=quiet).say(f"report: {output} ({decimal(len(data))}){hint}")
    if as_json:
        click.echo(_as_json(told.summary(), comparison))
    elif output is None and attention:
        show_attention(told.summary())
    elif output is None:
        show_report(told.summary(MOST_BARS), comparison)
    return ExitStatus.OK


def _verify(output: Path, *, attention: bool) -> None:
    suffix = output.suffix.lower()
    if suffix in _TABLES and not attention:
        raise CommandError(
            f"{output}: only --attention can be a table.",
            hint="Add --attention, or end the name in .html.",
        )
    if suffix not in _PAGES | _TABLES:
        forms = "HTML, CSV or TSV" if attention else "HTML"
        ends = ".html, .csv or .tsv" if attention else ".html"
        raise CommandError(
            f"{output}: a report in a file is {forms}.", hint=f"End the name in {ends}."
        )


def _readers(names: Sequence[str]) -> list[RecordReader]:
    """Return a reader for each file.

    Raises:
        click.UsageError: standard input is given twice.
    """
    if names.count(_STANDARD_INPUT) > 1:
        raise click.UsageError("Standard input can be read once only.")
    paths = ("/dev/stdin" if one == _STANDARD_INPUT else one for one in names)
    return [read_results(path, accounts=False) for path in paths]


@frozen
class _Told:
    """What there is to tell, in each of its forms."""

    results: Results
    thresholds: Thresholds
    now: datetime

    def summary(self, most_bins: int | None = None) -> Summary:
        bins = {} if most_bins is None else {"most_bins": most_bins}
        return summarise(self.results, thresholds=self.thresholds, now=self.now, **bins)

    def attention_alone(self) -> _Told:
        """Return only the accounts that need somebody."""
        emails = {one.email for one in self.results.attention(self.thresholds, self.now)}
        return _Told(self.results.of_emails(emails), self.thresholds, self.now)

    def page(self, comparison: Comparison | None, plotly: str) -> bytes:
        return render_page(self.summary(), self.results, comparison, plotly=plotly)

    def table(self, suffix: str) -> bytes:
        return attention_table(self.summary(), self.results, suffix=suffix)


def _plotly() -> str:
    try:
        return plotly_script()
    except MissingPlotlyError:
        raise CommandError(
            "a report in HTML needs plotly.", hint=f"Do: {install_command('report')}"
        ) from None


def _as_json(summary: Summary, comparison: Comparison | None) -> str:
    changes = None if comparison is None else comparison.as_json()
    return json.dumps({**summary.as_json(), "changes": changes}, indent=2)
