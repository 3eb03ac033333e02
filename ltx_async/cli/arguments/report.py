"""What `ltx-async report` is told: its help, its arguments and its options."""

from __future__ import annotations

from pathlib import Path

import click

from ltx_async.cli.checking.thresholds import threshold_options
from ltx_async.cli.options import quiet_option
from ltx_async.cli.values import FILE_NAME


@click.command(
    help="""Show the results of a check: who needs somebody, outcomes, balances, what ends when.

    RESULTS are files written by `check -o`: JSON Lines, CSV or SQLite, the texts in gzip or
    not; several are taken together, and - is standard input.""",
    epilog="""\b
Examples:
  ltx-async report results.jsonl --min-balance 10 --expires-within 7d
  ltx-async report results.jsonl --attention -o attention.csv
  ltx-async report results.jsonl --since last-week.jsonl -o report.html""",
)
@click.argument("results", nargs=-1, required=True, metavar="RESULTS|-...", type=FILE_NAME)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write one HTML file that opens offline; with --attention also .csv.",
)
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="RESULTS",
    help="Compare with these older results.",
)
@click.option("--attention", is_flag=True, help="Only the accounts that need somebody.")
@threshold_options
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON object.")
@click.option("--overwrite", is_flag=True, help="Replace FILE where it exists.")
@quiet_option
def report() -> None:
    """Declare `ltx-async report`; `cli.commands.report` is what it does."""
