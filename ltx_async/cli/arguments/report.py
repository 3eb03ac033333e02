"""What `ltx-async report` is told: its help, its arguments and its options."""

from __future__ import annotations

from pathlib import Path

import click

from ltx_async.cli.options import (
    quiet_option,
)


@click.command(
    help="""Show the results of a check: outcomes, balances, what ends when, what was slow.

    RESULTS is a file written by `check -o`: JSON lines, CSV or SQLite.""",
    epilog="""\b
Examples:
  ltx-async report results.jsonl
  ltx-async report results.jsonl --since last-week.jsonl -o report.html""",
)
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report as one HTML file that opens offline.",
)
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="RESULTS",
    help="Compare with these older results.",
)
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON object.")
@click.option("--overwrite", is_flag=True, help="Replace FILE where it exists.")
@quiet_option
def report() -> None:
    """Declare `ltx-async report`; `cli.commands.report` is what it does."""
