"""What `ltx-async doctor` is told: its help, its arguments and its options."""

from __future__ import annotations

import click

from ltx_async.cli.options import client_options, json_option


@click.command(
    help="""Find out what keeps lookups from working here.

    Looks at the installation, the token and the way to the API, and sends one request. Give
    it the options of the command that does not work.""",
    epilog="""\b
Examples:
  ltx-async doctor
  ltx-async doctor --base-url http://127.0.0.1:8080/v1 --json

Exit status: 0 nothing fails, 1 something does.""",
)
@json_option
@client_options
def doctor() -> None:
    """Declare `ltx-async doctor`; `cli.commands.doctor` is what it does."""
