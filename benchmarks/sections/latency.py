"""How full the slots are kept against a slow server: the ratio to what is possible at all."""

from benchmarks.clients import CLIENTS, Client
from benchmarks.markdown import number, percent, skipped, table
from benchmarks.measure import as_rows, interleaved, skip_reasons
from benchmarks.measurement import Job, Measurement
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import responder

NAMES = ("direct", "session", "aiohttp-semaphore", "aiohttp-tuned", "pycurl", "curl")
HEADS = ("client", "lookups/s", "of the ideal", "p50 ms", "CPU µs/lookup")


def measure(plan: Plan) -> Section:
    """Compare each client with N · latency / concurrency, connecting included."""
    clients = [CLIENTS[name] for name in NAMES]
    with responder(latency=plan.latency) as base_url:
        job = Job(base_url, plan.latency_lookups, plan.latency_concurrency)
        series = interleaved(clients, job, plan.other_rounds)
    ideal = plan.latency_concurrency / plan.latency
    title = (
        f"A server that answers after {plan.latency * 1e3:.0f} ms: {plan.latency_lookups:,} "
        f"lookups, {plan.latency_concurrency} at a time"
    )
    rows = [_row(one.client, one.middle, ideal) for one in series if one.middle]
    text = table(HEADS, rows) + skipped(skip_reasons(series))
    efficiency = {one.client.name: one.middle.per_second / ideal for one in series if one.middle}
    data = {"clients": as_rows(series), "efficiency": efficiency}
    return Section("latency", title, text, data)


def _row(client: Client, middle: Measurement, ideal: float) -> tuple[str, ...]:
    speed = middle.per_second
    median, cpu = number(middle.p50_ms, 1), number(middle.cpu_us, 1)
    return client.title, number(speed), percent(speed / ideal), median, cpu
