"""Single lookups: one after the other, and as they arrive whether or not the client keeps up."""

from attrs import asdict, evolve

from benchmarks.clients import ARRIVAL_CLIENTS, CLIENTS, SEQUENTIAL_CLIENTS, Client
from benchmarks.markdown import number, skipped, table
from benchmarks.measure import (
    Series,
    SkippedError,
    as_rows,
    interleaved,
    paired_ratio,
    run_client,
    skip_reasons,
    told,
)
from benchmarks.measurement import Job
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import fastest_server

AT_FULL_SPEED = {"direct": "direct", "session": "session", "aiohttp": "aiohttp-semaphore"}
NOTE = (
    "The emails arrive evenly, at half of what the same client did a moment before when asked as "
    "fast as it could. Latency counts from the moment an email was due (corrected for coordinated "
    "omission)."
)


def measure(plan: Plan) -> Section:
    """Await one lookup after the other, so that nothing but the way there and back counts."""
    with fastest_server() as server:
        job = Job(server.base_url, plan.sequential, 1)
        series = interleaved(list(SEQUENTIAL_CLIENTS.values()), job, plan.other_rounds)
    rows = [_row(one, series[0]) for one in series if one.middle]
    heads = ("client", "lookups/s", "p50 µs", "p99 µs", "CPU µs/lookup", "CPU ÷ the floor's")
    text = table(heads, rows) + skipped(skip_reasons(series))
    title = f"One after the other: {plan.sequential:,} lookups"
    return Section("sequential", title, text, {"clients": as_rows(series)})


def _row(one: Series, floor: Series) -> tuple[str, ...]:
    assert one.middle is not None
    middle = one.middle
    return (
        told(one.client.title, middle),
        number(middle.per_second),
        number((middle.p50_ms or 0) * 1e3),
        number((middle.p99_ms or 0) * 1e3),
        number(middle.cpu_us, 1),
        number(paired_ratio(one, floor, "cpu_us"), 2),
    )


def measure_arrival(plan: Plan) -> Section:
    """Let emails arrive by the clock at half of what each client can do."""
    found: list[dict[str, object]] = []
    reasons: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    with fastest_server() as server:
        job = Job(server.base_url, plan.lookups, plan.concurrency)
        for name, client in ARRIVAL_CLIENTS.items():
            try:
                rows.append(_arrived(client, CLIENTS[AT_FULL_SPEED[name]], job, found))
            except SkippedError as reason:
                reasons[client.title] = str(reason)
    heads = ("client", "arriving/s", "p50 ms", "p99 ms", "CPU µs/lookup")
    text = f"{NOTE}\n\n{table(heads, rows)}{skipped(reasons)}"
    title = f"By the clock, at half of the capacity: {plan.lookups:,} lookups"
    return Section("arrival", title, text, {"clients": found})


def _arrived(
    client: Client, at_full_speed: Client, job: Job, found: list[dict[str, object]]
) -> tuple[str, ...]:
    capacity = run_client(at_full_speed, job).per_second
    one = run_client(client, evolve(job, rate=capacity / 2))
    found.append({"name": client.name, "capacity": capacity, **asdict(one)})
    latencies = number(one.p50_ms, 2), number(one.p99_ms, 2)
    return told(client.title, one), number(capacity / 2), *latencies, number(one.cpu_us, 1)
