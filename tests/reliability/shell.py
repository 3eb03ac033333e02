"""The command line as a shell would call it, and servers that go on beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from .conftest import TOKEN
from .wire import Answer, WireServer


@frozen
class Ended:
    """A command that has ended."""

    status: int
    out: bytes
    err: bytes

    @property
    def said(self) -> bytes:
        return self.out + self.err


@contextlib.contextmanager
def wire_server(answer: Answer, **details) -> Iterator[WireServer]:
    """Run a `WireServer` in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = WireServer(answer, **details)

    def do(work) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(10)

    try:
        do(server.start())
        try:
            yield server
        finally:
            do(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def surroundings(base_url: str, **variables: str) -> dict[str, str]:
    """Return an environment with a token and a server, and nothing of this machine's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    settings = {"USEAPI_TOKEN": TOKEN, "USEAPI_API": base_url, "PYTHONUTF8": "1"}
    return {**kept, **settings, **variables}


def command(*arguments: str | os.PathLike[str], options: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *options, "-m", "ltx_async", *map(os.fspath, arguments)]


def ltx(
    *arguments: str | os.PathLike[str],
    base_url: str = "http://127.0.0.1:9/v1",
    cwd: Path,
    options: tuple[str, ...] = (),
    given: bytes = b"",
    timeout: float = 20.0,
    **variables: str,
) -> Ended:
    """Run a command to its end; `variables` go into its environment."""
    ended = subprocess.run(
        command(*arguments, options=options),
        cwd=cwd,
        env=surroundings(base_url, **variables),
        input=given,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
