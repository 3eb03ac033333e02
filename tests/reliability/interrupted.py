"""Runs of `ltx-async check` as processes of their own, to be interrupted, and what they leave."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from attrs import define, field, frozen
from patience import LONG, until

from ltx_async.emulator import Emulator, GeneratedAccounts
from ltx_async.results.csv_format import restored

from .inplace import run_in_place

COUNTED = ("ok", "needs_reauth", "not_found", "invalid", "failed", "duplicate", "pending")
ACCOUNTS = GeneratedAccounts(1000, unhealthy=5)


def emails(count: int) -> list[bytes]:
    """Return lines of every kind: known, unknown, unsendable, not UTF-8, and some twice."""
    known = [b"user%06d@example.com" % number for number in range(1, count + 1)]
    unknown = [b"nobody%d@example.com" % number for number in range(count // 10)]
    odd = [
        b"..",
        b"two words",
        b"caf\xe9@example.com",
        rb"caf\xe9@example.com",
        b"=1+1@example.com",
    ]
    lines = known + unknown + odd
    lines[7:7] = [b"user000001@EXAMPLE.com", known[2]]
    return lines


def emulated(**settings) -> Emulator:
    """Return an emulator, for a `with`; its answers depend on the email alone."""
    return Emulator(ACCOUNTS, **settings)


@frozen
class Ended:
    """A run that has ended."""

    status: int
    err: str
    summary: dict | None

    @property
    def adds_up(self) -> bool:
        summary = self.summary
        return sum(summary[name] for name in COUNTED) == summary["input"]


@define
class Checks:
    """Starts `ltx-async check emails.txt -o OUT` in a directory."""

    directory: Path
    emulator: Emulator
    lines: Sequence[bytes] = field(factory=list)
    processes: list[subprocess.Popen] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.directory.mkdir(exist_ok=True)
        (self.directory / "emails.txt").write_bytes(b"\n".join(self.lines))

    @property
    def summary(self) -> Path:
        """Beside the directory, which may be a full disk."""
        return self.directory.parent / "summary.json"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "USEAPI_API": self.emulator.base_url,
            "USEAPI_TOKEN": self.emulator.token,
        }

    def start(self, output: str, *options: str, under: Sequence[str] = (), **settings):
        source = settings.pop("source", "emails.txt")
        command = [sys.executable, "-m", "ltx_async", "check", source]
        process = subprocess.Popen(
            [*under, *command, *self._options(output, *options)],
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **settings},
            cwd=self.directory,
            env=self.environment,
            stderr=subprocess.PIPE,
        )
        self.processes.append(process)
        return process

    def wait(self, process: subprocess.Popen) -> Ended:
        _, err = process.communicate(timeout=LONG)
        return self._ended(process.returncode, err)

    def run(self, output: str, *options: str, **settings) -> Ended:
        """Run to the end: in this process, unless it is to be set up as another one."""
        if settings:
            return self.wait(self.start(output, *options, **settings))
        with Path(os.devnull).open("r+b") as nothing, tempfile.TemporaryFile() as err:
            status = run_in_place(
                ["check", "emails.txt", *self._options(output, *options)],
                cwd=self.directory,
                environment=self.environment,
                descriptors=[nothing.fileno(), nothing.fileno(), err.fileno()],
                seconds=60,
            )
            err.seek(0)
            return self._ended(status, err.read())

    def _options(self, output: str, *options: str) -> list[str]:
        return ["-o", output, "--summary-json", str(self.summary), *options]

    def _ended(self, status: int, err: bytes) -> Ended:
        summary = json.loads(self.summary.read_bytes()) if self.summary.exists() else None
        self.summary.unlink(missing_ok=True)
        return Ended(status, err.decode(), summary)

    def kill_left_over(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def results(self, output: str) -> list[tuple]:
        """Return what is the same in every run, sorted; anything torn raises."""
        return sorted(READERS[output.rpartition(".")[2]](self.directory / output))

    def kept(self, output: str) -> int:
        """Return how many records others can see by now."""
        path = self.directory / output
        if not path.exists():
            return 0
        if path.suffix != ".sqlite":
            return path.read_bytes().count(b"\n")
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            try:
                return database.execute("SELECT count(*) FROM lookups").fetchone()[0]
            except sqlite3.OperationalError:  # the table is not there yet
                return 0

    def in_mid_run(self, output: str, *options: str, asked: int = 30) -> subprocess.Popen:
        """Start a run and wait until it has asked for so many emails."""
        before = self.emulator.request_count
        process = self.start(output, *options)
        until(lambda: self.emulator.request_count >= before + asked)
        return process


def _json_results(path: Path) -> Iterator[tuple]:
    data = path.read_bytes()
    assert data.endswith(b"\n") or not data
    for line in data.splitlines():
        record = json.loads(line)
        account = json.dumps(record["account"], sort_keys=True)
        yield record["email"], record["outcome"], str(record["status"]), account


def _csv_results(path: Path) -> Iterator[tuple]:
    data = path.read_bytes()
    assert data.endswith(b"\n")
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, strict=True):
            assert None not in row
            assert None not in row.values()
            cells = row["outcome"], row["status"], row["balance"], row["token_expires_at"]
            yield restored(row["email"]), *cells


def _sqlite_results(path: Path) -> Iterator[tuple]:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT email, outcome, status, balance, account FROM lookups"
        for row in database.execute(query):
            yield tuple(map(str, row))


READERS = {"jsonl": _json_results, "csv": _csv_results, "sqlite": _sqlite_results}
FORMATS = tuple(READERS)
