"""Runs clients in processes of their own, interleaved, and takes medians."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from attrs import asdict, evolve, field, frozen

from benchmarks.clients import Client
from benchmarks.cores import ROOT, client_core, pin_process
from benchmarks.measurement import Job, Measurement

LONGEST_RUN_SECONDS = 600.0


class SkippedError(Exception):
    """A client cannot run here; the text is the reason."""


@frozen
class Series:
    """All rounds of one client, or the reason why there are none."""

    client: Client
    rounds: tuple[Measurement, ...] = ()
    skipped: str | None = None
    middle: Measurement | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "middle", _medians(self.rounds) if self.rounds else None)


def run_client(client: Client, job: Job) -> Measurement:
    """Run one client once in a process of its own, on the client's core.

    Raises:
        SkippedError: The client is not installed, failed, or took over ten minutes.
    """
    if reason := client.missing():
        raise SkippedError(reason)
    with _client_process(client, job) as process:
        try:
            output, errors = process.communicate(timeout=LONGEST_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            raise SkippedError(f"not done within {LONGEST_RUN_SECONDS:.0f} s") from None
    if process.returncode:
        lines = errors.strip().splitlines()
        raise SkippedError(lines[-1] if lines else f"ended with status {process.returncode}")
    return Measurement.from_json(json.loads(output))


def interleaved(clients: Sequence[Client], job: Job, rounds: int) -> list[Series]:
    """Run every client once per round, each round beginning with another one.

    So a machine that grows slower or busier meanwhile touches all of them alike.
    """
    return in_rounds([(client, scaled(job, client)) for client in clients], rounds)


def in_rounds(tasks: Sequence[tuple[Client, Job]], rounds: int) -> list[Series]:
    """Have every client do its job once per round; there is one series for each task."""
    measured: list[list[Measurement]] = [[] for _ in tasks]
    skipped: dict[int, str] = {}
    for number in _in_turns(range(len(tasks)), rounds):
        if number in skipped:
            continue
        try:
            measured[number].append(run_client(*tasks[number]))
        except SkippedError as reason:
            skipped[number] = str(reason)
    return [
        Series(client, tuple(measured[number]), skipped.get(number))
        for number, (client, _) in enumerate(tasks)
    ]


def scaled(job: Job, client: Client) -> Job:
    """Return the job with the client's share of the lookups, but fifty at least."""
    lookups = max(min(job.lookups, 50), int(job.lookups * client.share))
    return evolve(job, lookups=lookups)


def paired_ratio(above: Series | None, below: Series | None, quantity: str) -> float | None:
    """Return the median over rounds of the ratio of one quantity, None where one is missing."""
    if not above or not below or not above.rounds or not below.rounds:
        return None
    pairs = zip(above.rounds, below.rounds, strict=False)
    return median(float(getattr(one, quantity) / getattr(other, quantity)) for one, other in pairs)


def told(title: str, middle: Measurement) -> str:
    """Return the title of a row, and how many lookups were not answered as they should be."""
    lost = middle.lookups - middle.ok
    return f"{title}: {lost:,.0f} NOT ANSWERED" if lost else title


def as_rows(series: Iterable[Series]) -> list[dict[str, object]]:
    """Return series as plain data for the JSON file: every round, so that others can judge."""
    return [
        {
            "name": one.client.name,
            "title": one.client.title,
            "skipped": one.skipped,
            "median": asdict(one.middle) if one.middle else None,
            "rounds": [asdict(measurement) for measurement in one.rounds],
        }
        for one in series
    ]


def skip_reasons(series: Iterable[Series]) -> dict[str, str]:
    """Return title and reason of every client that could not run."""
    return {one.client.title: one.skipped for one in series if one.skipped}


def _in_turns(tasks: range, rounds: int) -> Iterator[int]:
    for turn in range(rounds):
        first = turn * len(tasks) // rounds
        yield from tasks[first:]
        yield from tasks[:first]


@contextlib.contextmanager
def _client_process(client: Client, job: Job) -> Iterator[subprocess.Popen[str]]:
    numbers = (str(job.lookups), str(job.concurrency), "--rate", str(job.rate))
    numbers += ("--ca-file", job.ca_file)
    command = [sys.executable, "-m", "benchmarks.clients", client.entry, job.base_url, *numbers]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=_environment_without_proxies(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        pin_process(process.pid, client_core())
        yield process
    finally:
        if process.poll() is None:
            # The whole group: curl and wrk are children of the client's process.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment_without_proxies() -> dict[str, str]:
    # Some clients obey these by default: they would leave the loopback.
    return {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}


def _medians(rounds: Sequence[Measurement]) -> Measurement:
    rows = [asdict(measurement) for measurement in rounds]
    return Measurement.from_json({name: _median_of(rows, name) for name in rows[0]})


def _median_of(rows: Sequence[dict[str, float | None]], name: str) -> float | None:
    values = [value for row in rows if (value := row[name]) is not None]
    return median(values) if values else None
