"""What `ltx-async serve` is told: its help, its arguments and its options."""

from __future__ import annotations

from pathlib import Path

import click

from ltx_async.cli.options import quiet_option, variable
from ltx_async.cli.values import FILE_NAME, duration, number, seconds


@click.command(
    help="""Serve the API on this machine, for tests and trials.

    The first line on standard output is the base URL; it serves until it is interrupted.""",
    epilog="""\b
Examples:
  ltx-async serve --count 10000 --port 8080 --fault 503=5 --latency 20
  ltx-async serve --count 20 --drift

Fault kinds: 503, 429, 522, 596, 404, reset, close, truncate, garbage,
html, slow, redirect.""",
)
@click.option(
    "--accounts",
    "account_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Serve the accounts of a JSON or JSON Lines file.",
)
@click.option(
    "--reload", is_flag=True, help="Read the file of --accounts again on change and on SIGHUP."
)
@click.option(
    "--count",
    type=click.IntRange(0, 100_000_000),
    metavar="N",
    help="Generate N accounts user000001@example.com ...  [1000]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of all that is random.")
@click.option(
    "--unhealthy",
    callback=number(),
    default="0",
    metavar="PERCENT",
    help="Generated ones in trouble.",
)
@click.option(
    "--drift",
    is_flag=False,
    flag_value="1s",
    callback=duration,
    metavar="[5s]",
    help="Change one account a second, or so often: balances fall, sign-ins end or break, "
    "some are repaired.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Listen on this."
)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port.  [a free one]")
@click.option(
    "--latency",
    callback=seconds(unit="ms"),
    default="0",
    metavar="MS",
    help="Hold each answer back.",
)
@click.option(
    "--rate-limit", callback=number(above=True), metavar="N", help="Answer 429 above N per second."
)
@click.option(
    "--fault", "faults", multiple=True, metavar="KIND=PERCENT", help="Misbehave; repeatable."
)
@click.option(
    "--token-file",
    envvar=variable("token-file"),
    type=FILE_NAME,
    metavar="FILE|-",
    help="The API token to accept.  [USEAPI_TOKEN, else user:12345-abcdefghi]",
)
@quiet_option
def serve() -> None:
    """Declare `ltx-async serve`; `cli.commands.serve` is what it does."""
