"""Hand alerts to a program of the user's: one process each, JSON on its standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from typing import Final

from attrs import define, field

from ltx_async.cli.exits import CommandError
from ltx_async.cli.terminal.messages import Talk
from ltx_async.client import TOKEN_VARIABLE
from ltx_async.wording import counted

_AT_A_TIME: Final = 4
_WAITING: Final = 1000
_TIMEOUT: Final = 30.0
_STANDARD_ERROR: Final = 2


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
    """Runs a program for each alert; what goes wrong there is a warning and nothing more.

    At most four run at a time, each for `timeout` seconds; with a thousand waiting,
    further alerts are not handed over. The program gets the environment without the
    API token, and its output goes to standard error.

    Attributes:
        argv: the program and its arguments.
        talk: for warnings.
        timeout: seconds that one may take.
    """

    argv: tuple[str, ...]
    talk: Talk
    timeout: float = _TIMEOUT
    _slots: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_AT_A_TIME), init=False)
    _tasks: set[asyncio.Task[None]] = field(factory=set, init=False)
    _dropped: int = field(default=0, init=False)

    def hand_over(self, message: str) -> None:
        """Run the program with `message` and a line end on its input, as soon as may be."""
        if len(self._tasks) >= _WAITING:
            self._dropped += 1
            return
        task = asyncio.create_task(self._deliver(message.encode() + b"\n"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, patience: float | None = None) -> None:
        """Wait for the programs that run, `patience` seconds at most, then end the rest."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
                self._dropped += len(late)
        if self._dropped:
            self.talk.warn(f"{counted(self._dropped, 'alert')} not handed to {self.argv[0]}")

    async def _deliver(self, message: bytes) -> None:
        async with self._slots:
            try:
                problem = await self._run(message)
            except OSError as error:
                problem = error.strerror or str(error)
        if problem:
            self.talk.warn(f"the alert command {self.argv[0]}: {problem}")

    async def _run(self, message: bytes) -> str:
        # A session of its own: Ctrl-C is for us, and what it starts can be ended with it.
        process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=PIPE,
            stdout=_STANDARD_ERROR,
            env=_without_token(os.environ),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self.timeout):
                with contextlib.suppress(RuntimeError):  # of uvloop: it has closed its input unread
                    await process.communicate(message)
                await process.wait()
        except TimeoutError:
            return f"ended after {self.timeout:g} s"
        finally:
            await _end(process)
        return f"exit status {process.returncode}" if process.returncode else ""


def _without_token(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != TOKEN_VARIABLE}


async def _end(process: Process) -> None:
    """Kill what still runs, with all that it started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):  # it ended this very moment
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()
