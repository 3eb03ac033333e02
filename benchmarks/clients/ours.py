"""ltx_async itself: both transports, in bulk and one lookup at a time."""

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from benchmarks.loops import run_on_asyncio, run_on_uvloop
from benchmarks.measurement import Job, Measurement, Stopwatch
from benchmarks.workload import TOKEN, emails
from ltx_async import Lookup, LTXClient, Outcome

Transport = Literal["session", "direct"]
Drive = Callable[[LTXClient, Job, Stopwatch], Coroutine[Any, Any, None]]


def direct(job: Job) -> Measurement:
    """Look up in bulk over the direct transport on uvloop, as the command line does."""
    return run_on_uvloop(_measured(job, _client(job, "direct"), _in_bulk))


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
    job: Job, transport: Transport, *, rate: float | None = None
) -> Callable[[], LTXClient]:
    return lambda: LTXClient(
        TOKEN,
        base_url=job.base_url,
        concurrency=job.concurrency,
        transport=transport,
        rate=rate,
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


async def _one_by_one(client: LTXClient, job: Job, watch: Stopwatch) -> None:
    await asyncio.gather(*(_timed(client, email, watch) for email in emails(job.lookups)))


async def _timed(client: LTXClient, email: str, watch: Stopwatch) -> Lookup:
    started = time.perf_counter()
    lookup = await client.lookup(email)
    if lookup.outcome is Outcome.OK:
        watch.answered(time.perf_counter() - started)
    return lookup
