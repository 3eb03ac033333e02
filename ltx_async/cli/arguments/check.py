"""What `ltx-async check` is told: its help, its arguments and its options."""

from __future__ import annotations

from pathlib import Path

import click

from ltx_async.cli.checking.measuring import metrics_options
from ltx_async.cli.checking.thresholds import only, threshold_options
from ltx_async.cli.options import client_options, input_options, quiet_option
from ltx_async.cli.values import FILE_NAME, duration, outcome_names, outcomes


def _name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """Give standard output one name."""
    from ltx_async.results.stream import STANDARD_OUTPUT, is_standard_output  # noqa: PLC0415

    return STANDARD_OUTPUT if is_standard_output(name) else name


@click.command(
    help="""Look up the accounts of many emails.

    FILE is text with one email per line, CSV, TSV, JSON Lines, JSON or results of check, in
    gzip or not; - is standard input. Results go to standard output, on a terminal as lines to
    read and elsewhere as JSON Lines; progress and the summary go to standard error.""",
    epilog="""\b
Examples:
  ltx-async check emails.txt -o results.jsonl
  ltx-async check emails.txt -o results.jsonl --resume
  ltx-async check accounts.csv --column login -o results.csv --rate 10
  ltx-async check --from-api --min-balance 10 --expires-within 7d > all.jsonl

Exit status: 0 all ok, 1 some need attention, 2 usage, 3 API token or
subscription refused, 4 stopped early, 128 + N signal N.""",
)
@click.argument("sources", metavar="[FILE|-]...", nargs=-1, type=FILE_NAME)
@click.option("--from-api", is_flag=True, help="Take the emails from the list of accounts.")
@input_options
@click.option(
    "-n", "--limit", type=click.IntRange(1), metavar="N", help="Ask for so many emails at most."
)
@click.option("--ordered", is_flag=True, help="Write results in the order of the input.")
@click.option("--dry-run", is_flag=True, help="Print what would be asked for, and ask nothing.")
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    callback=_name,
    default="-",
    metavar="OUT|-",
    help="Results: .jsonl, .ndjson, .csv, .tsv, .sqlite or .db.  [stdout]",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["jsonl", "csv", "tsv"]),
    help="What goes to standard output or a named pipe.  [jsonl]",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--resume", is_flag=True, help="Go on with OUT: ask only what it has no record of.")
@click.option(
    "--retry",
    callback=outcomes,
    shell_complete=outcome_names,
    metavar="OUTCOME,...",
    help="The same, and ask its records of these outcomes again.",
)
@click.option("--retry-failed", is_flag=True, help="The same as --retry failed.")
@click.option(
    "--older-than",
    callback=duration,
    metavar="24h",
    help="The same, and ask its records again that are older.",
)
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
@metrics_options
@client_options
@quiet_option
def check() -> None:
    """Declare `ltx-async check`; `cli.commands.check` is what it does."""
