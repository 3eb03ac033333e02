"""How a rate limit is obeyed: how much of it is used, and how often the server must say no."""

import contextlib
import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from attrs import asdict, frozen

from benchmarks.clients import THROTTLED_CLIENTS, Client
from benchmarks.markdown import number, percent, skipped, table
from benchmarks.measure import SkippedError, run_client, scaled
from benchmarks.measurement import Job, Measurement
from benchmarks.plan import Plan
from benchmarks.responder import BURST, STATS_PATH
from benchmarks.sections import Section
from benchmarks.server import responder

HEADS = ("client", "answered", "seconds", "of the allowed rate", "429s", "429s of all requests")


@frozen
class Obedience:
    """One client against one strict server; the counts are the server's own."""

    measurement: Measurement
    accepted: int
    throttled: int
    rate_used: float

    @property
    def throttled_share(self) -> float:
        """The share of requests that were answered 429."""
        return self.throttled / max(1, self.accepted + self.throttled)


def measure(plan: Plan) -> Section:
    """Run each client against a server of its own, so that none inherits another's debts."""
    found = {client: _attempt(client, plan) for client in THROTTLED_CLIENTS.values()}
    rows = [_row(client, one) for client, one in found.items() if isinstance(one, Obedience)]
    reasons = {client.title: one for client, one in found.items() if isinstance(one, str)}
    title = (
        f"A server that allows {plan.rate:.0f} requests a second (burst {BURST}), "
        f"{plan.rate_lookups:,} lookups"
    )
    data = {"clients": [_record(client, obedience) for client, obedience in found.items()]}
    return Section("throttling", title, table(HEADS, rows) + skipped(reasons), data)


def _attempt(client: Client, plan: Plan) -> Obedience | str:
    with responder(rate=plan.rate) as base_url:
        job = Job(base_url, plan.rate_lookups, plan.concurrency, plan.rate)
        try:
            measurement = run_client(client, scaled(job, client))
        except SkippedError as reason:
            return str(reason)
        counts = _server_counts(base_url)
    accepted, throttled = counts["200"], counts["429"]
    return Obedience(measurement, accepted, throttled, accepted / measurement.wall / plan.rate)


def _server_counts(base_url: str) -> dict[str, int]:
    address = urlsplit(base_url).netloc
    with contextlib.closing(HTTPConnection(address, timeout=5)) as connection:
        connection.request("GET", STATS_PATH.decode())
        counts: dict[str, int] = json.load(connection.getresponse())
    return counts


def _row(client: Client, found: Obedience) -> tuple[str, ...]:
    return (
        client.title,
        f"{found.measurement.ok:,} of {found.measurement.lookups:,}",
        number(found.measurement.wall, 1),
        percent(found.rate_used),
        number(found.throttled),
        percent(found.throttled_share),
    )


def _record(client: Client, found: Obedience | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"name": client.name, "skipped": found}
    return {"name": client.name, **asdict(found), "throttled_share": found.throttled_share}
