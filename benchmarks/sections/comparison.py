"""What a lookup costs: every client on the fastest server, side by side; and the same over TLS."""

from collections.abc import Mapping, Sequence

from benchmarks.clients import CLIENTS, Client
from benchmarks.markdown import mebibytes, number, skipped, table
from benchmarks.measure import (
    Series,
    as_rows,
    interleaved,
    paired_ratio,
    skip_reasons,
    told,
)
from benchmarks.measurement import Job, Measurement
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import fastest_server

YARDSTICK = "aiohttp-semaphore"  # what people write: a gather under a semaphore
OVER_TLS = ("direct", "direct-asyncio", "session", "session-uvloop", YARDSTICK, "aiohttp-tuned",
            "wreq", "pyreqwest", "pycurl", "curl")  # fmt: skip
HEADS = (
    "client",
    "lookups/s",
    "times the yardstick's",
    "CPU µs/lookup",
    "CPU ÷ yardstick's",
    "p50 ms",
    "p99 ms",
    "peak MiB",
)


def measure(clients: Sequence[Client], plan: Plan) -> Section:
    """Run the clients against one server and compare each with the yardstick."""
    with fastest_server() as server:
        job = Job(server.base_url, plan.lookups, plan.concurrency)
        series = interleaved(clients, job, plan.rounds)
    title = f"Cost of a lookup: {plan.lookups:,} lookups, {plan.concurrency} at a time"
    return _section("comparison", title, series, plan)


def measure_tls(clients: Sequence[Client], plan: Plan) -> Section:
    """Run those of the clients that are compared over TLS; the handshakes are part of it."""
    chosen = [client for client in clients if client.name in OVER_TLS]
    with fastest_server(tls=True) as server:
        job = Job(server.base_url, plan.lookups, plan.concurrency, ca_file=server.ca_file)
        series = interleaved(chosen, job, plan.other_rounds)
    title = f"The same over TLS: {plan.lookups:,} lookups, {plan.concurrency} at a time"
    return _section("tls", title, series, plan)


def _section(name: str, title: str, series: Sequence[Series], plan: Plan) -> Section:
    by_name = {one.client.name: one for one in series}
    yardstick = by_name.get(YARDSTICK, Series(CLIENTS[YARDSTICK]))
    rows = [_row(one, one.middle, yardstick) for one in series if one.middle]
    text = table(HEADS, rows) + _fewer(series, plan) + skipped(skip_reasons(series))
    data = {"clients": as_rows(series), "ratios": _ratios(by_name)}
    return Section(name, title, text, data)


def _row(one: Series, middle: Measurement, yardstick: Series) -> tuple[str, ...]:
    return (
        told(one.client.title, middle),
        number(middle.per_second),
        number(paired_ratio(one, yardstick, "per_second"), 2),
        number(middle.cpu_us, 1),
        number(paired_ratio(one, yardstick, "cpu_us"), 2),
        number(middle.p50_ms, 1),
        number(middle.p99_ms, 1),
        mebibytes(middle.peak_rss),
    )


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
    bounded, tuned = series.get(YARDSTICK), series.get("aiohttp-tuned")
    ratios = {
        "direct / semaphore gather, lookups per second": paired_ratio(
            direct, bounded, "per_second"
        ),
        "session / semaphore gather, lookups per second": paired_ratio(
            session, bounded, "per_second"
        ),
        "session on uvloop / hand-tuned, lookups per second": paired_ratio(
            session_on_uvloop, tuned, "per_second"
        ),
    }
    for rival in ("pycurl", "curl", "wreq", "pyreqwest"):
        ratios[f"direct / {rival}, CPU"] = paired_ratio(direct, series.get(rival), "cpu_us")
    wrk = series.get("wrk")
    return ratios | {"direct / wrk, lookups per second": paired_ratio(direct, wrk, "per_second")}
