"""The README's snippets and commands do what it says."""

import asyncio
import contextlib
import csv
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ltx_async.emulator import Emulator, GeneratedAccounts

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
SAMPLES = Path(__file__).parent / "data" / "samples"
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ") and not line.startswith("$ export")
]


@pytest.fixture(scope="module")
def service():
    """An emulator in a thread of its own, with generated accounts and those of the README."""
    accounts = dict(GeneratedAccounts(20, unhealthy=0))
    accounts |= json.loads((SAMPLES / "accounts.json").read_text("utf-8"))
    ready, done = threading.Event(), threading.Event()
    found = {}

    async def serve():
        async with Emulator(accounts) as emulator:
            found.update(USEAPI_API=emulator.base_url, USEAPI_TOKEN=emulator.token)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    yield found
    done.set()
    thread.join(10)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def run(arguments, service, directory):
    environment = (
        os.environ | service | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    )
    return subprocess.run(
        arguments,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_runs_and_prints_something(snippet, service, directory):
    done = run([sys.executable, "-X", "dev", "-W", "error", "-c", snippet], service, directory)
    said = done.stderr.splitlines()
    complaints = [line for line in said if not line.startswith("Executing <")]  # a busy machine
    assert (done.returncode, complaints) == (0, [])
    assert done.stdout


def test_a_command_ends_well_and_its_results_are_readable(service, directory):
    for command in COMMANDS:
        done = run(["bash", "-c", f"set -o pipefail; {command}"], service, directory)
        assert done.returncode in {0, 1, 141}, (command, done.stderr)
        assert "Traceback" not in done.stderr
    lines = (directory / "results.jsonl").read_text().splitlines()
    assert {json.loads(line)["outcome"] for line in lines} == {"ok"}
    with contextlib.closing(sqlite3.connect(directory / "results.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM lookups").fetchone() == (20,)
    with (directory / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(lines) == 20
    assert len((directory / "everything.jsonl").read_text().splitlines()) == 22


def test_the_readme_has_what_is_tested_here():
    assert len(SNIPPETS) >= 3
    assert len(COMMANDS) >= 5
