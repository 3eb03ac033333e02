"""What `ltx-async demo` is told: its help, its arguments and its options."""

from __future__ import annotations

import click

from ltx_async.cli.options import quiet_option


@click.command(
    help="""Watch a few hundred accounts being looked up, without an API token.

    Starts a local server with accounts of every kind, checks them over real HTTP and leaves
    the results in demo-results.jsonl.""",
    epilog="Example:  ltx-async demo && head -3 demo-results.jsonl",
)
@quiet_option
def demo() -> None:
    """Declare `ltx-async demo`; `cli.commands.demo` is what it does."""
