"""What `ltx-async watch` is told: its help, its arguments and its options."""

from __future__ import annotations

from pathlib import Path

import click

from ltx_async.cli.checking.measuring import host_and_port, metrics_options
from ltx_async.cli.checking.thresholds import threshold_options
from ltx_async.cli.options import client_options, input_options, quiet_option
from ltx_async.cli.values import duration


@click.command(
    help="""Check again and again, and tell only what has changed.

    FILE is as for check, and is read again in each round. Changes go to standard output, a
    line each; alerts go to standard error instead, once: an account that is broken, gone, low,
    about to expire or well again, and the service going and coming back. With --json they are
    on standard output too.""",
    epilog="""\b
Examples:
  ltx-async watch emails.txt --min-balance 10 --expires-within 7d
  ltx-async watch --from-api --every 15m --on-alert ./mail-me.sh
  ltx-async watch --list-only --rounds 1 --state watch.json --expires-within 7d,1d
  ltx-async watch --from-api --metrics-port 9464 --quiet

The alert command gets one JSON object, {"alerts": [...]}, on its standard
input; no shell runs it. Metrics are sums; --metrics-accounts all has series
of each account, labelled by the hash that --json shows as "account".""",
)
@click.argument("source", metavar="[FILE]", required=False, type=click.Path(dir_okay=False))
@click.option("--from-api", is_flag=True, help="Watch every account of the list call.")
@click.option(
    "--list-only", is_flag=True, help="The same with one request a round, without balances."
)
@input_options
@click.option(
    "--every", callback=duration, default="5m", show_default=True, metavar="5m", help="How often."
)
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="End after so many.")
@click.option("--json", "as_json", is_flag=True, help="Changes as JSON lines.")
@threshold_options
@click.option(
    "--remind", callback=duration, metavar="1d", help="Tell again of what is wrong for so long."
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Remember in FILE what was told, over restarts and runs from cron.",
)
@click.option("--on-alert", metavar="CMD", help="Run this once a round that has alerts.")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Serve Prometheus metrics on 127.0.0.1.",
)
@click.option(
    "--metrics-address",
    callback=host_and_port,
    metavar="HOST:PORT",
    help="Serve them on this address instead.",
)
@metrics_options
@click.option(
    "--metrics-accounts",
    type=click.Choice(["none", "all"]),
    default="none",
    show_default=True,
    help="Which single accounts have series.",
)
@click.option("--metrics-emails", is_flag=True, help="Label these by email.")
@client_options
@quiet_option
def watch() -> None:
    """Declare `ltx-async watch`; `cli.commands.watch` is what it does."""
