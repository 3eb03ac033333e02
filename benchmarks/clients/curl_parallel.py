"""``curl --parallel`` over a list of addresses: the shell's way, without JSON or records."""

import os
import tempfile
from array import array
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clients.program import run_program
from benchmarks.measurement import Job, Measurement, percentile
from benchmarks.workload import HEADERS, account_url, emails

LATENCY_LOOKUPS = 2000


def run(job: Job) -> Measurement:
    """Fetch every account, then a part again to learn the latencies.

    Printing a line per transfer costs curl time, so that latencies come from a run of their own.
    What ``curl --version`` takes is subtracted: start-up is no part of a lookup here.
    """
    with tempfile.TemporaryDirectory(prefix="ltx-async-bench-") as folder:
        idle = run_program(["curl", "--version"], Path(os.devnull))
        bodies = Path(os.devnull)
        timed = run_program(_command(job, job.lookups, Path(folder)), bodies)
        latencies, ok = _latencies(job, Path(folder))
    p50, p99 = percentile(latencies, 50), percentile(latencies, 99)
    return Measurement(
        lookups=job.lookups,
        ok=job.lookups if ok else 0,
        wall=timed.wall - idle.wall,
        cpu=timed.cpu - idle.cpu,
        p50_ms=(p50 or 0) * 1e3,
        p99_ms=(p99 or 0) * 1e3,
        peak_rss=timed.peak_rss,
    )


def _command(job: Job, lookups: int, folder: Path) -> list[str]:
    config = folder / f"urls-{lookups}"
    with config.open("w", encoding="ascii") as lines:
        for email in emails(lookups):
            lines.write(f'url = "{account_url(job.base_url, email)}"\n')
    headers = [part for name, text in HEADERS.items() for part in ("-H", f"{name}: {text}")]
    parallel = ["--parallel", "--parallel-max", str(job.concurrency), "--parallel-immediate"]
    if job.ca_file:
        headers += ["--cacert", job.ca_file]
    return ["curl", "--silent", "--fail", "--globoff", *parallel, *headers, "--config", str(config)]


def _latencies(job: Job, folder: Path) -> tuple[Sequence[float], bool]:
    lookups = min(job.lookups, LATENCY_LOOKUPS)
    report = folder / "latencies"
    command = [*_command(job, lookups, folder), "--write-out", r"\n%{http_code} %{time_total}\n"]
    told = run_program(command, report).output
    lines = [line.split() for line in told.splitlines() if not line.startswith("{")]
    pairs = [line for line in lines if len(line) == 2]
    ok = len(pairs) == lookups and all(status == "200" for status, _ in pairs)
    return array("d", (float(seconds) for _, seconds in pairs)), ok
