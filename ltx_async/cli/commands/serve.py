"""`ltx-async serve`: the API as a local server, healthy or with faults."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from ltx_async.cli.exits import CommandError, not_served
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import find_token
from ltx_async.cli.terminal.messages import Talk
from ltx_async.client import TOKEN_VARIABLE
from ltx_async.emulator import (
    EXAMPLE_TOKEN,
    AccountFile,
    Drift,
    Emulator,
    GeneratedAccounts,
    parse_faults,
)
from ltx_async.inputs.source import STANDARD_INPUT
from ltx_async.transport.loopback import is_loopback
from ltx_async.wording import counted

_DEFAULT_COUNT: Final = 1000
_LOOK: Final = 0.25  # seconds between two looks at the account file

Chore = Callable[[], Coroutine[Any, Any, None]]


@in_event_loop
async def serve(
    talk: Talk,
    interrupt: Interrupt,
    *,
    token_file: str | None,
    account_file: Path | None,
    reload: bool,
    drift: timedelta | None,
    **options: Any,
) -> int:
    """Run `ltx-async serve`."""
    file = None if account_file is None else AccountFile(account_file)
    if reload and file is None:
        raise click.UsageError("--reload needs --accounts FILE.")
    if drift is not None and not drift:
        raise click.UsageError("--drift needs a time span above 0.")
    emulator = _emulator(file, **options)
    chores: list[Chore] = []
    if reload and file is not None:
        chores.append(partial(_follow, file, emulator, talk))
    if drift is not None:
        chores.append(partial(_let_drift, Drift(emulator, seed=emulator.seed), drift, talk))
    if token_file is not None or os.environ.get(TOKEN_VARIABLE):
        emulator.token = await unless_interrupted(interrupt, find_token(token_file, talk))
    return await _serve(emulator, _told_by(token_file), chores, talk, interrupt)


def _told_by(token_file: str | None) -> tuple[str, str]:
    """Return what stands before and behind a command, so that the server takes its token.

    One that was given is not shown, whatever it is.
    """
    if token_file not in {None, STANDARD_INPUT}:
        return "", f" --token-file {shlex.quote(token_file)}"
    if token_file is None and not os.environ.get(TOKEN_VARIABLE):
        return f"{TOKEN_VARIABLE}={EXAMPLE_TOKEN} ", ""
    return "", ""


def _emulator(
    file: AccountFile | None,
    *,
    count: int | None,
    seed: int,
    unhealthy: float,
    latency: float,
    faults: tuple[str, ...],
    **settings: Any,
) -> Emulator:
    """Make the emulator, with its own complaints as usage errors."""
    if file is not None and count is not None:
        raise click.UsageError("Give either --accounts or --count.")
    if file is not None and unhealthy:
        raise click.UsageError("--unhealthy is for generated accounts, not for those of a file.")
    try:
        accounts = (
            GeneratedAccounts(
                _DEFAULT_COUNT if count is None else count, seed=seed, unhealthy=unhealthy
            )
            if file is None
            else file.read()
        )
        return Emulator(
            accounts, latency=latency, faults=parse_faults(faults), seed=seed, **settings
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


async def _serve(
    emulator: Emulator,
    told_by: tuple[str, str],
    chores: list[Chore],
    talk: Talk,
    interrupt: Interrupt,
) -> int:
    try:
        await emulator.start()
    except (OSError, UnicodeError) as error:
        raise not_served(CommandError, "", emulator.host, emulator.port, error) from error
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(chore()) for chore in chores]
            await asyncio.sleep(0)  # lets the tasks begin before the first line invites a SIGHUP
            _introduce(emulator, told_by, talk)
            await interrupt.wait()
            for task in tasks:
                task.cancel()
    except ExceptionGroup as failures:  # a single one at most: the first ends all others
        raise failures.exceptions[0] from None
    finally:
        await emulator.stop()
    talk.say(f"answered {counted(emulator.request_count, 'request')}")
    return interrupt.exit_status


def _introduce(emulator: Emulator, told_by: tuple[str, str], talk: Talk) -> None:
    url = emulator.base_url
    click.echo(url)
    before, behind = told_by
    same = "" if before or behind else ", with the same API token"
    accounts = counted(len(emulator.accounts), "account")
    talk.say(f"serving {accounts}; try in another terminal{same}:")
    allowed = "" if is_loopback(urlsplit(url).hostname or "") else " --allow-http"
    talk.say(f"  {before}ltx-async accounts --base-url {url}{allowed}{behind}")
    if not is_loopback(emulator.host):
        talk.warn(
            f"{emulator.host} is not loopback: other machines may ask, and API tokens travel "
            "to here in plain HTTP. Use no real one."
        )


async def _let_drift(drift: Drift, every: timedelta, talk: Talk) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        if (change := drift.turn()) is not None:
            talk.say(f"drift: {change}")


async def _follow(file: AccountFile, emulator: Emulator, talk: Talk) -> None:
    """Serve what the file holds whenever it has changed, or SIGHUP asks for it."""
    asked = asyncio.Event()
    if (hang_up := getattr(signal, "SIGHUP", None)) is not None:  # it would end the command
        asyncio.get_running_loop().add_signal_handler(hang_up, asked.set)
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), _LOOK)
        if file.changed() or asked.is_set():
            asked.clear()
            await _reload(file, emulator, talk)


async def _reload(file: AccountFile, emulator: Emulator, talk: Talk) -> None:
    try:
        emulator.replace(await asyncio.to_thread(file.read))
    except ValueError as error:
        talk.warn(f"{error}; the accounts from before are served on.")
    else:
        talk.say(f"serving {counted(len(emulator.accounts), 'account')} of {file.path.name!r} now")
