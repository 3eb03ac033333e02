"""What `ltx-async get` is told: its help, its arguments and its options."""

from __future__ import annotations

import click

from ltx_async.cli.options import client_options, json_option, quiet_option


@click.command(
    help="""Look up the accounts of one or more emails.

    A table on a terminal, JSON lines otherwise.""",
    epilog="Example:  ltx-async get ann@example.com bob@example.com",
)
@click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
@json_option
@client_options
@quiet_option
def get() -> None:
    """Declare `ltx-async get`; `cli.commands.get` is what it does."""
