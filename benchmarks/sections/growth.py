"""What a lookup costs as their number grows: time, CPU and memory must not."""

import os

from attrs import asdict

from benchmarks.clients import CLIENTS, Client
from benchmarks.markdown import mebibytes, number, skipped, table
from benchmarks.measure import SkippedError, run_client
from benchmarks.measurement import Job, Measurement
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import fastest_server

NAMES = ("direct", "session", "aiohttp-semaphore")
GATHER_KIB_PER_LOOKUP = 10  # what a task, its connection's waiter and its account take, or more
HEADS = ("client", "lookups", "lookups/s", "CPU µs/lookup", "peak MiB")


def measure(plan: Plan) -> Section:
    """Run ours and naive gather at each size, once each; the sizes are the repetition."""
    rows: list[tuple[str, ...]] = []
    reasons: dict[str, str] = {}
    data: list[dict[str, object]] = []
    with fastest_server() as server:
        for client in (CLIENTS[name] for name in NAMES):
            for lookups in plan.growth:
                found = _attempt(client, Job(server.base_url, lookups, plan.concurrency))
                data.append(_record(client, lookups, found))
                if isinstance(found, str):
                    reasons[f"{client.title}, {lookups:,}"] = found
                else:
                    rows.append(_row(client, lookups, found))
    text = table(HEADS, rows) + skipped(reasons)
    return Section("growth", "Cost as the number grows", text, {"sizes": data})


def _attempt(client: Client, job: Job) -> Measurement | str:
    if client.name == "aiohttp-semaphore" and _free_kib() < job.lookups * GATHER_KIB_PER_LOOKUP:
        return "too little free memory for one task per lookup"
    try:
        return run_client(client, job)
    except SkippedError as reason:
        return str(reason)


def _free_kib() -> int:
    if "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return 0
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024


def _row(client: Client, lookups: int, found: Measurement) -> tuple[str, ...]:
    figures = number(found.per_second), number(found.cpu_us, 1), mebibytes(found.peak_rss)
    return client.title, f"{lookups:,}", *figures


def _record(client: Client, lookups: int, found: Measurement | str) -> dict[str, object]:
    known = {"skipped": found} if isinstance(found, str) else asdict(found)
    return {"name": client.name, "lookups": lookups, **known}
