"""`ltx-async report`: results at a glance, on the terminal or as one HTML file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from ltx_async.cli.exits import CommandError, ExitStatus
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.terminal.report_text import MOST_BARS, show_report
from ltx_async.files.private import verify_distinct, verify_replaceable
from ltx_async.files.replacement import write_whole
from ltx_async.report import (
    Comparison,
    MissingPlotlyError,
    Summary,
    collect,
    compare,
    plotly_script,
    render_page,
    summarise,
)
from ltx_async.results.reading import read_results

_PAGES: Final = frozenset({".html", ".htm"})


def report(
    *,
    results: Path,
    output: Path | None,
    since: Path | None,
    as_json: bool,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Run `ltx-async report`."""
    if output is not None:
        if output.suffix.lower() not in _PAGES:
            raise CommandError(
                f"{output}: a report in a file is HTML.", hint="End the name in .html."
            )
        verify_distinct(output, results, since)
        verify_replaceable(output, overwrite=overwrite)
    plotly = "" if output is None else _plotly()
    newer = collect(read_results(results))
    comparison = None if since is None else compare(collect(read_results(since)), newer)
    if output is not None:
        page = render_page(summarise(newer), newer.records, comparison, plotly=plotly)
        write_whole(output, page, overwrite=overwrite)
        Talk(quiet=quiet).say(f"report: {output} ({len(page) / 1e6:.1f} MB), open it in a browser")
    if as_json:
        click.echo(_as_json(summarise(newer), comparison))
    elif output is None:
        show_report(summarise(newer, most_bins=MOST_BARS), comparison)
    return ExitStatus.OK


def _plotly() -> str:
    try:
        return plotly_script()
    except MissingPlotlyError:
        raise CommandError(
            "a report in HTML needs plotly.", hint="Do: pip install 'ltx_async[report]'"
        ) from None


def _as_json(summary: Summary, comparison: Comparison | None) -> str:
    changes = None if comparison is None else comparison.as_json()
    return json.dumps({**summary.as_json(), "changes": changes}, indent=2)
