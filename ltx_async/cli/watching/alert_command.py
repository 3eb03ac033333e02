"""Hand alerts to a program of the user's: one process a round, JSON on its standard input."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from ltx_async.cli.exits import CommandError
from ltx_async.cli.options import variable
from ltx_async.cli.terminal.messages import Talk
from ltx_async.client import TOKEN_VARIABLE
from ltx_async.wording import counted

_MOST_KEPT: Final = 10_000
_TIMEOUT: Final = 30.0
_STANDARD_ERROR: Final = 2
_SECRETS: Final = frozenset({TOKEN_VARIABLE, variable("proxy")})  # the proxy's may hold a password


def parse_command(text: str) -> tuple[str, ...]:
    """Split a command line as a shell would, to be run without one.

    Raises:
        CommandError: it cannot be split, or there is no such program.
    """
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        problem = f"{error}"
    else:
        if argv and shutil.which(argv[0]) is not None:
            return argv
        problem = f"there is no program {argv[0]!r}" if argv else "it is empty"
    raise CommandError(
        f"--on-alert: {problem}.", hint="Give a program and its arguments; no shell runs them."
    )


@define(eq=False)
class AlertCommand:
    """Runs a program for the alerts of a round, all in one JSON object on its standard input.

    It gets the environment without the API token and LTX_ASYNC_PROXY, its output goes to
    standard error, and it may take `timeout` seconds. Alerts that it did not take are kept
    for the next round.

    Attributes:
        argv: the program and its arguments.
        talk: for warnings.
        timeout: seconds that it may take.
        undelivered: alerts that it has not taken so far, as JSON values.
    """

    argv: tuple[str, ...]
    talk: Talk
    timeout: float = _TIMEOUT
    undelivered: list[Mapping[str, Any]] = field(factory=list)

    async def hand_over(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Run the program with these alerts and those that it did not take before, if any."""
        self.undelivered += alerts
        if len(self.undelivered) > _MOST_KEPT:
            lost = len(self.undelivered) - _MOST_KEPT
            self.talk.warn(f"{counted(lost, 'alert')} given up: {self.argv[0]} takes none")
            del self.undelivered[:lost]
        if not self.undelivered:
            return
        message = json.dumps({"alerts": self.undelivered}).encode() + b"\n"
        problem = "it was ended"
        try:
            problem = await self._run(message)
        except OSError as error:
            problem = error.strerror or str(error)
        finally:
            if problem:
                self._keep(problem)
            else:
                self.undelivered.clear()

    def give_up(self) -> None:
        """Say how many alerts were not handed over, at the end."""
        if self.undelivered:
            lost = counted(len(self.undelivered), "alert")
            self.talk.warn(f"{lost} not handed to {self.argv[0]}; --state keeps them")

    def _keep(self, problem: str) -> None:
        kept = f"{counted(len(self.undelivered), 'alert')} kept for the next round"
        self.talk.line(f"warning: the alert command {self.argv[0]}: {problem}; {kept}", "yellow")

    async def _run(self, message: bytes) -> str:
        # In a session of its own, Ctrl-C does not reach it, and its children can be ended with it.
        process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=PIPE,
            stdout=_STANDARD_ERROR,
            env=_without_secrets(os.environ),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self.timeout):
                with contextlib.suppress(RuntimeError):  # uvloop, if the input is closed
                    await process.communicate(message)
                await process.wait()
        except TimeoutError:
            return f"ended after {self.timeout:g} s"
        finally:
            await _end(process)
        return f"exit status {process.returncode}" if process.returncode else ""


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in _SECRETS}


async def _end(process: Process) -> None:
    """Kill the process if it still runs, with all processes that it started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):  # it ended this very moment
        if sys.platform != "win32" and hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()
