"""wrk on one address: how fast one core can fetch when nothing is done with the replies."""

import re
import tempfile
from pathlib import Path

from benchmarks.clients.program import run_program
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import HEADERS, account_url

LOOKUPS_PER_SECOND = 20_000  # sets only how long wrk runs: it counts time, not requests
IN_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def run(job: Job) -> Measurement:
    """Fetch one account over and over for about as long as the others take."""
    seconds = min(10, max(1, round(job.lookups / LOOKUPS_PER_SECOND)))
    headers = [part for name, text in HEADERS.items() for part in ("-H", f"{name}: {text}")]
    command = ["wrk", "-t1", f"-c{job.concurrency}", f"-d{seconds}s", "--latency", *headers]
    command.append(account_url(job.base_url, "ann+1@example.com"))
    with tempfile.TemporaryDirectory(prefix="ltx-async-bench-") as folder:
        told = run_program(command, Path(folder) / "wrk")
    if "Non-2xx" in told.output or "Socket errors" in told.output:
        raise RuntimeError("wrk met errors")
    counted = re.search(r"(\d+) requests in ([\d.]+)s", told.output)
    if counted is None:
        raise RuntimeError("wrk printed no count")
    requests, wall = int(counted[1]), float(counted[2])
    p50, p99 = _latency(told.output, 50), _latency(told.output, 99)
    return Measurement(requests, requests, wall, told.cpu, p50, p99, told.peak_rss)


def _latency(output: str, percent: int) -> float | None:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", output)
    return float(found[1]) * IN_MS[found[2]] if found else None
