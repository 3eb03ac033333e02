"""A server beside the test, and the command line as a shell would call it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from attrs import frozen

from ltx_async import Account, Lookup, LTXError, Outcome
from ltx_async.cli.app import run
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def healthy(email, **fields):
    """Return an account as the API stores it."""
    return {"email": email, "maxJobs": 20, "balance": {"LTXStudio_token": 150}, **fields}


class ServerThread:
    """An emulator in a thread, so that commands may run in the main thread."""

    def __init__(self) -> None:
        self.emulator = Emulator([healthy("ann@example.com"), healthy("bob@example.com")])

    def start(self) -> None:
        self.emulator.__enter__()

    def stop(self) -> None:
        self.emulator.__exit__(None, None, None)

    @property
    def asked(self) -> list[str | None]:
        return [request.email for request in self.emulator.requests.copy()]


@pytest.fixture
def server(monkeypatch) -> Iterator[ServerThread]:
    thread = ServerThread()
    thread.start()
    monkeypatch.setenv("USEAPI_API", thread.emulator.base_url)
    try:
        yield thread
    finally:
        thread.stop()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """Nothing of the machine's settings, and no way to a real server."""
    monkeypatch.setenv("USEAPI_TOKEN", EXAMPLE_TOKEN)
    monkeypatch.setenv("USEAPI_API", "http://127.0.0.1:9/v1")
    monkeypatch.delenv("LTX_ASYNC_LOG", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)


@frozen
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def records(self):
        return [json.loads(line) for line in self.out.split("\n") if line]

    @property
    def outcomes(self):
        return {record["email"]: record["outcome"] for record in self.records}


@pytest.fixture
def ltx(capfd):
    """Call the command line in this process."""

    def call(*arguments) -> Ended:
        capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ended(int(status), out, err)

    return call


@pytest.fixture
def launch(tmp_path):
    """Start the command line as a process of its own; whatever is left is killed at the end."""
    processes = []

    def start(*arguments, **options) -> subprocess.Popen:
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": tmp_path}
        command = [sys.executable, "-m", "ltx_async", *map(str, arguments)]
        process = subprocess.Popen(command, **{**settings, **options}, env=dict(os.environ))
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def make_lookup(
    email="ann@example.com",
    *,
    wire: dict | None = None,
    error: LTXError | None = None,
    outcome: Outcome | None = None,
    account: Account | None = None,
    elapsed=0.0123,
) -> Lookup:
    """Return a lookup as the client would deliver it."""
    if wire is not None:
        from ltx_async.codec.accounts import structure_account

        account = structure_account(wire, json.dumps(wire).encode())
        assert isinstance(account, Account)
    if outcome is None:
        outcome = Outcome.OK if error is None else Outcome.FAILED
    return Lookup(0, email, outcome, account, error, 200, 1, elapsed, NOW)
