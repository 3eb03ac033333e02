"""The command line as a shell would call it, and servers that go on beside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from .conftest import TOKEN
from .inplace import run_in_place
from .wire import Answer, WireServer

KEPT = ("PATH", "PYTHONPATH", "SSL_CERT_FILE")


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
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    settings = {"USEAPI_TOKEN": TOKEN, "USEAPI_API": base_url, "PYTHONUTF8": "1"}
    return {**kept, **settings, **variables}


def command(*arguments: str | os.PathLike[str], options: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *options, "-m", "ltx_async", *map(os.fspath, arguments)]


def ltx(
    *arguments: str | os.PathLike[str],
    base_url: str = "http://127.0.0.1:9/v1",
    cwd: Path,
    given: bytes = b"",
    timeout: float = 20.0,
    **variables: str,
) -> Ended:
    """Run a command to its end, in this process; `variables` go into its environment."""
    with (
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        source.write(given)
        source.seek(0)
        status = run_in_place(
            [*map(os.fspath, arguments)],
            cwd=cwd,
            environment=surroundings(base_url, **variables),
            descriptors=[file.fileno() for file in (source, out, err)],
            seconds=timeout,
        )
        out.seek(0)
        err.seek(0)
        return Ended(status, out.read(), err.read())


def ltx_process(
    *arguments: str | os.PathLike[str],
    base_url: str = "http://127.0.0.1:9/v1",
    cwd: Path,
    options: tuple[str, ...] = (),
    timeout: float = 20.0,
    **variables: str,
) -> Ended:
    """Run a command to its end, in a process of its own with `options` for the interpreter."""
    ended = subprocess.run(
        command(*arguments, options=options),
        cwd=cwd,
        env=surroundings(base_url, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
