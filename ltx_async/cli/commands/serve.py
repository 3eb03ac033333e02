"""`ltx-async serve`: the API as a local server, healthy or with faults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from ltx_async.cli.exits import port_refused
from ltx_async.cli.options import FILE_NAME, number, quiet_option
from ltx_async.cli.runtime import Interrupt, or_interrupt, run
from ltx_async.cli.settings import find_token
from ltx_async.cli.terminal.messages import Talk
from ltx_async.client import TOKEN_VARIABLE
from ltx_async.emulator import (
    EXAMPLE_TOKEN,
    FAULT_KINDS,
    Emulator,
    GeneratedAccounts,
    load_accounts,
    parse_faults,
)
from ltx_async.wording import counted

_DEFAULT_COUNT = 1000


@click.command(
    epilog=f"""\b
Example:
  ltx-async serve --count 10000 --port 8080 --fault 503=5 --latency 20

Fault kinds: {", ".join(FAULT_KINDS)}.""",
)
@click.option(
    "--accounts",
    "account_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Serve the accounts of a JSON or JSON Lines file.",
)
@click.option(
    "--count",
    type=click.IntRange(0, 100_000_000),
    metavar="N",
    help=f"Generate N accounts user000001@example.com ...  [{_DEFAULT_COUNT}]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of accounts and faults.")
@click.option(
    "--unhealthy",
    callback=number(),
    default="0",
    metavar="PERCENT",
    help="Generated ones in trouble.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Port on 127.0.0.1.  [a free one]"
)
@click.option(
    "--latency", callback=number(), default="0", metavar="MS", help="Hold each answer back."
)
@click.option(
    "--rate-limit", callback=number(above=True), metavar="N", help="Answer 429 above N per second."
)
@click.option(
    "--fault", "faults", multiple=True, metavar="KIND=PERCENT", help="Misbehave; repeatable."
)
@click.option(
    "--token-file",
    type=FILE_NAME,
    metavar="FILE|-",
    help=f"The API token to accept.  [USEAPI_TOKEN, else {EXAMPLE_TOKEN}]",
)
@quiet_option
def serve(*, quiet: bool, token_file: str | None, **options: Any) -> int:
    """Serve the API on this machine, for tests and trials.

    The first line on standard output is the base URL; it serves until it is interrupted.
    """
    talk = Talk(quiet=quiet)
    emulator = _emulator(**options)

    async def command(interrupt: Interrupt) -> int:
        if token_file is not None or os.environ.get(TOKEN_VARIABLE):
            token = await or_interrupt(interrupt, find_token(token_file, talk))
            if token is None:
                return interrupt.exit_status
            emulator.token = token
        return await _serve(emulator, talk, interrupt)

    with talk.logging():
        return run(command)


def _emulator(
    *,
    account_file: Path | None,
    count: int | None,
    seed: int,
    unhealthy: float,
    port: int,
    latency: float,
    rate_limit: float | None,
    faults: tuple[str, ...],
) -> Emulator:
    """Make the emulator, with its own complaints as usage errors."""
    if account_file is not None and count is not None:
        raise click.UsageError("Give either --accounts or --count.")
    try:
        accounts = (
            GeneratedAccounts(
                _DEFAULT_COUNT if count is None else count, seed=seed, unhealthy=unhealthy
            )
            if account_file is None
            else load_accounts(account_file)
        )
        return Emulator(
            accounts,
            port=port,
            latency=latency / 1000,
            rate_limit=rate_limit,
            faults=parse_faults(faults),
            seed=seed,
        )
    except (ValueError, OSError) as error:
        message = str(error)
    raise click.UsageError(message)


async def _serve(emulator: Emulator, talk: Talk, interrupt: Interrupt) -> int:
    try:
        await emulator.start()
    except OSError as error:
        raise port_refused("port", emulator.port, error) from error
    try:
        click.echo(emulator.base_url)
        talk.say(f"serving {counted(len(emulator.accounts), 'account')}; try in another terminal:")
        talk.say(f"  ltx-async accounts --base-url {emulator.base_url}")
        await interrupt.wait()
    finally:
        await emulator.stop()
    talk.say(f"answered {counted(emulator.request_count, 'request')}")
    return interrupt.exit_status
