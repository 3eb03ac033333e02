"""What a lookup costs: every client on the fastest server, side by side."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.clients import CLIENTS, Client
from benchmarks.markdown import mebibytes, number, skipped, table
from benchmarks.measure import Series, as_rows, interleaved, skip_reasons
from benchmarks.measurement import Job, Measurement
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import fastest_server

YARDSTICK = "aiohttp-gather"
HEADS = (
    "client",
    "lookups/s",
    "times gather's",
    "CPU µs/lookup",
    "CPU ÷ gather's",
    "p50 ms",
    "p99 ms",
    "peak MiB",
)


def measure(clients: Sequence[Client], plan: Plan) -> Section:
    """Run the clients against one server and compare each with naive aiohttp."""
    with fastest_server() as base_url:
        job = Job(base_url, plan.lookups, plan.concurrency)
        series = interleaved(clients, job, plan.rounds)
    by_name = {one.client.name: one for one in series}
    yardstick = by_name.get(YARDSTICK, Series(CLIENTS[YARDSTICK]))
    rows = [_row(one, one.middle, yardstick) for one in series if one.middle]
    text = table(HEADS, rows) + _fewer(series, plan) + skipped(skip_reasons(series))
    data = {"clients": as_rows(series), "ratios": _ratios(by_name)}
    title = f"Cost of a lookup: {plan.lookups:,} lookups, {plan.concurrency} at a time"
    return Section("comparison", title, text, data)


def paired_ratio(above: Series | None, below: Series | None, quantity: str) -> float | None:
    """Return the median over rounds of the ratio of one quantity, None where one is missing."""
    if not above or not below or not above.rounds or not below.rounds:
        return None
    pairs = zip(above.rounds, below.rounds, strict=False)
    return median(float(getattr(one, quantity) / getattr(other, quantity)) for one, other in pairs)


def _row(one: Series, middle: Measurement, yardstick: Series) -> tuple[str, ...]:
    return (
        _title(one.client, middle),
        number(middle.per_second),
        number(paired_ratio(one, yardstick, "per_second"), 2),
        number(middle.cpu_us, 1),
        number(paired_ratio(one, yardstick, "cpu_us"), 2),
        number(middle.p50_ms, 1),
        number(middle.p99_ms, 1),
        mebibytes(middle.peak_rss),
    )


def _title(client: Client, middle: Measurement) -> str:
    lost = middle.lookups - middle.ok
    return f"{client.title}: {lost:,.0f} NOT ANSWERED" if lost else client.title


def _fewer(series: Sequence[Series], plan: Plan) -> str:
    counts = {
        one.client.name: one.middle.lookups
        for one in series
        if one.middle and one.middle.lookups < plan.lookups
    }
    listed = ", ".join(f"{name} {count:,.0f}" for name, count in counts.items())
    return f"\n\nGiven fewer lookups because they take so long: {listed}." if counts else ""


def _ratios(series: Mapping[str, Series]) -> dict[str, float | None]:
    """Return the ratios that the project sets itself bars for."""
    direct, session = series.get("direct"), series.get("session")
    session_on_uvloop = series.get("session-uvloop")
    gather, tuned = series.get(YARDSTICK), series.get("aiohttp-tuned")
    return {
        "direct / gather, lookups per second": paired_ratio(direct, gather, "per_second"),
        "direct / curl, CPU": paired_ratio(direct, series.get("curl"), "cpu_us"),
        "direct / pycurl, CPU": paired_ratio(direct, series.get("pycurl"), "cpu_us"),
        "direct / wrk, lookups per second": paired_ratio(direct, series.get("wrk"), "per_second"),
        "session / gather, lookups per second": paired_ratio(session, gather, "per_second"),
        "session on uvloop / hand-tuned, lookups per second": paired_ratio(
            session_on_uvloop, tuned, "per_second"
        ),
    }
