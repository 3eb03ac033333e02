"""What `ltx-async accounts` is told: its help, its arguments and its options."""

from __future__ import annotations

import click

from ltx_async.cli.checking.thresholds import expiry_option
from ltx_async.cli.options import client_options, json_option, quiet_option


@click.command(
    help="""List every configured account, in one request.

    A table on a terminal, JSON lines otherwise. The API leaves the balance out of its list:
    `check --from-api` looks each account up.""",
    epilog="Example:  ltx-async accounts --json | head",
)
@json_option
@expiry_option
@client_options
@quiet_option
def accounts() -> None:
    """Declare `ltx-async accounts`; `cli.commands.accounts` is what it does."""
