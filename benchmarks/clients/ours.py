"""ltx_async itself: both transports, in bulk and one lookup at a time."""

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from benchmarks.clients.workers import arrive
from benchmarks.loops import run_on_asyncio, run_on_uvloop
from benchmarks.measurement import Job, Measurement, Stopwatch
from benchmarks.workload import TOKEN, emails
from ltx_async import Event, Lookup, LTXClient, Outcome
from ltx_async.sync import LTXClient as SyncClient

Transport = Literal["session", "direct"]
Drive = Callable[[LTXClient, Job, Stopwatch], Coroutine[Any, Any, None]]


def direct(job: Job) -> Measurement:
    """Look up in bulk over the direct transport on uvloop, as the command line does."""
    return run_on_uvloop(_measured(job, _client(job, "direct"), _in_bulk))


def direct_ordered(job: Job) -> Measurement:
    """The same, delivered in the order of the input."""
    return run_on_uvloop(_measured(job, _client(job, "direct"), _in_order))


def direct_watched(job: Job) -> Measurement:
    """The same, with a listener that is told of every attempt and every lookup."""
    return run_on_uvloop(_measured(job, _client(job, "direct", on_event=_listen), _in_bulk))


def direct_one_after_another(job: Job) -> Measurement:
    """Await one lookup after the other over the direct transport on uvloop."""
    return run_on_uvloop(_measured(job, _client(job, "direct"), _in_turn))


def session_one_after_another(job: Job) -> Measurement:
    """Await one lookup after the other over the session transport on asyncio's own loop."""
    return run_on_asyncio(_measured(job, _client(job, "session"), _in_turn))


def sync_one_after_another(job: Job) -> Measurement:
    """Wait for one lookup after the other in a program without an event loop."""
    watch = Stopwatch(job.lookups)
    with SyncClient(TOKEN, base_url=job.base_url, concurrency=job.concurrency) as client, watch:
        for email in emails(job.lookups):
            started = time.perf_counter()
            if client.lookup(email).outcome is Outcome.OK:
                watch.answered(time.perf_counter() - started)
    return watch.measurement()


def direct_arriving(job: Job) -> Measurement:
    """Look up over the direct transport on uvloop as the emails arrive."""
    return run_on_uvloop(_arriving(job, "direct"))


def session_arriving(job: Job) -> Measurement:
    """Look up over the session transport on asyncio's own loop as the emails arrive."""
    return run_on_asyncio(_arriving(job, "session"))


def direct_asyncio(job: Job) -> Measurement:
    """Look up in bulk over the direct transport on asyncio's own loop."""
    return run_on_asyncio(_measured(job, _client(job, "direct"), _in_bulk))


def direct_lookup(job: Job) -> Measurement:
    """Gather single lookups over the direct transport on uvloop."""
    return run_on_uvloop(_measured(job, _client(job, "direct"), _one_by_one))


def direct_at_rate(job: Job) -> Measurement:
    """Look up in bulk over the direct transport, paced to what the server allows."""
    return run_on_asyncio(_measured(job, _client(job, "direct", rate=job.rate), _in_bulk))


def session(job: Job) -> Measurement:
    """Look up in bulk over the session transport on asyncio's own loop."""
    return run_on_asyncio(_measured(job, _client(job, "session"), _in_bulk))


def session_uvloop(job: Job) -> Measurement:
    """Look up in bulk over the session transport on uvloop."""
    return run_on_uvloop(_measured(job, _client(job, "session"), _in_bulk))


def session_lookup(job: Job) -> Measurement:
    """Gather single lookups over the session transport on asyncio's own loop."""
    return run_on_asyncio(_measured(job, _client(job, "session"), _one_by_one))


def session_at_rate(job: Job) -> Measurement:
    """Look up in bulk over the session transport, paced to what the server allows."""
    return run_on_asyncio(_measured(job, _client(job, "session", rate=job.rate), _in_bulk))


def _client(
    job: Job,
    transport: Transport,
    *,
    rate: float | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Callable[[], LTXClient]:
    return lambda: LTXClient(
        TOKEN,
        base_url=job.base_url,
        concurrency=job.concurrency,
        transport=transport,
        rate=rate,
        on_event=on_event,
        ssl=ssl.create_default_context(cafile=job.ca_file) if job.ca_file else None,
    )


async def _measured(job: Job, open_client: Callable[[], LTXClient], drive: Drive) -> Measurement:
    watch = Stopwatch(job.lookups)
    async with open_client() as client:
        with watch:
            await drive(client, job, watch)
    return watch.measurement()


async def _in_bulk(client: LTXClient, job: Job, watch: Stopwatch) -> None:
    async with client.lookup_many(emails(job.lookups)) as lookups:
        async for lookup in lookups:
            if lookup.outcome is Outcome.OK:
                watch.answered(lookup.elapsed)


async def _in_order(client: LTXClient, job: Job, watch: Stopwatch) -> None:
    expected = 0
    async with client.lookup_many(emails(job.lookups), ordered=True) as lookups:
        async for lookup in lookups:
            if lookup.outcome is Outcome.OK and lookup.index == expected:
                watch.answered(lookup.elapsed)
            expected += 1


def _listen(event: Event) -> None:
    """Do next to nothing with an event."""
    assert event is not None


async def _in_turn(client: LTXClient, job: Job, watch: Stopwatch) -> None:
    for email in emails(job.lookups):
        await _timed(client, email, watch)


async def _arriving(job: Job, transport: Transport) -> Measurement:
    async with _client(job, transport)() as client:

        async def fetch(email: str) -> None:
            (await client.lookup(email)).unwrap()

        return (await arrive(job, fetch)).measurement()


async def _one_by_one(client: LTXClient, job: Job, watch: Stopwatch) -> None:
    await asyncio.gather(*(_timed(client, email, watch) for email in emails(job.lookups)))


async def _timed(client: LTXClient, email: str, watch: Stopwatch) -> Lookup:
    started = time.perf_counter()
    lookup = await client.lookup(email)
    if lookup.outcome is Outcome.OK:
        watch.answered(time.perf_counter() - started)
    return lookup
