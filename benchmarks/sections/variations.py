"""What a lookup costs with other replies, other options, and other numbers of connections."""

from collections.abc import Sequence

from attrs import evolve

from benchmarks.clients import CLIENTS, OPTIONS, Client
from benchmarks.markdown import mebibytes, number, skipped, table
from benchmarks.measure import Series, as_rows, in_rounds, paired_ratio, skip_reasons, told
from benchmarks.measurement import Job
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import fastest_server

NAMES = ("direct", "session", "aiohttp-semaphore", "pycurl")
REPLIES = {"plain": "as documented", "escaped": "`\\u2026` in it", "large": "of 3 kB"}
WIDE = ("direct", "session", "aiohttp-semaphore")


def measure(plan: Plan) -> Section:
    """Run clients on three replies, and two options of ours on the first of them."""
    with fastest_server() as server:
        job = Job(server.base_url, plan.lookups, plan.concurrency)
        tasks = [
            (CLIENTS[name], evolve(job, base_url=server.answering(reply)))
            for name in NAMES
            for reply in REPLIES
        ]
        tasks += [(client, job) for client in OPTIONS.values()]
        series = in_rounds(tasks, plan.other_rounds)
    replies = [*(text for _ in NAMES for text in REPLIES.values()), *("as documented",) * 2]
    plain = {one.client.name: one for one in series[:: len(REPLIES)] if one.client.name in NAMES}
    plain |= dict.fromkeys(OPTIONS, series[0])
    heads = ("client", "reply", "lookups/s", "CPU µs/lookup", "CPU ÷ as documented")
    rows = [
        (
            told(one.client.title, one.middle),
            reply,
            number(one.middle.per_second),
            number(one.middle.cpu_us, 1),
            number(paired_ratio(one, plain.get(one.client.name), "cpu_us"), 2),
        )
        for one, reply in zip(series, replies, strict=True)
        if one.middle
    ]
    text = table(heads, rows) + skipped(skip_reasons(series))
    data = [{"reply": reply, **row} for reply, row in zip(replies, as_rows(series), strict=True)]
    return Section("variations", "Other replies, other options", text, {"clients": data})


def measure_concurrency(plan: Plan) -> Section:
    """Run clients with few and with very many requests at a time."""
    clients: Sequence[Client] = [CLIENTS[name] for name in WIDE]
    with fastest_server() as server:
        job = Job(server.base_url, plan.lookups, plan.concurrency)
        tasks = [
            (client, evolve(job, concurrency=width, lookups=max(plan.lookups, 4 * width)))
            for client in clients
            for width in plan.widths
        ]
        series = in_rounds(tasks, plan.other_rounds)
    widths = [job.concurrency for _, job in tasks]
    text = table(
        ("client", "at a time", "lookups/s", "CPU µs/lookup", "p99 ms", "peak MiB"),
        [_wide_row(one, width) for one, width in zip(series, widths, strict=True) if one.middle],
    )
    data = [{"width": width, **row} for width, row in zip(widths, as_rows(series), strict=True)]
    title = f"From {min(widths):,} to {max(widths):,} at a time"
    return Section("concurrency", title, text + skipped(skip_reasons(series)), {"clients": data})


def _wide_row(one: Series, width: int) -> tuple[str, ...]:
    assert one.middle is not None
    middle = one.middle
    figures = number(middle.per_second), number(middle.cpu_us, 1), number(middle.p99_ms, 1)
    return told(one.client.title, middle), number(width), *figures, mebibytes(middle.peak_rss)
