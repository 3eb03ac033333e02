"""The programs that people write with aiohttp: one task per email, all gathered.

Under a semaphore it is the yardstick of every ratio. Without one all tasks pile up before the
connector, which costs more than the lookups do.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp

from benchmarks.account import Account, UsualAccount, structure, structure_as_usual
from benchmarks.clients.workers import arrive
from benchmarks.loops import run_on_asyncio, run_on_uvloop
from benchmarks.measurement import Job, Measurement, Stopwatch
from benchmarks.workload import HEADERS, account_url, emails

Fetch = Callable[[aiohttp.ClientSession, str], Awaitable[Account | UsualAccount]]


def run_bounded(job: Job) -> Measurement:
    """Gather every lookup under a semaphore on asyncio's own loop."""
    return run_on_asyncio(_gathered(job, _fetch_as_usual, bounded=True))


def run_bounded_uvloop(job: Job) -> Measurement:
    """Gather every lookup under a semaphore on uvloop."""
    return run_on_uvloop(_gathered(job, _fetch_as_usual, bounded=True))


def run_one_after_another(job: Job) -> Measurement:
    """Await one lookup after the other on asyncio's own loop."""
    return run_on_asyncio(_in_turn(job))


def run_arriving(job: Job) -> Measurement:
    """Look up as the emails arrive, on asyncio's own loop."""
    return run_on_asyncio(_arriving(job))


def run(job: Job) -> Measurement:
    """Gather every lookup on asyncio's own loop."""
    return run_on_asyncio(_gathered(job, _fetch))


def run_uvloop(job: Job) -> Measurement:
    """Gather every lookup on uvloop."""
    return run_on_uvloop(_gathered(job, _fetch))


def run_through_errors(job: Job) -> Measurement:
    """Gather every lookup and go on where one fails, as against a server that throttles."""
    return run_on_asyncio(_gathered(job, _fetch, return_exceptions=True))


def run_with_retry(job: Job) -> Measurement:
    """Gather lookups that sleep as long as a 429 says and ask again."""
    return run_on_asyncio(_gathered(job, _fetch_until_allowed))


async def _gathered(
    job: Job, fetch: Fetch, *, bounded: bool = False, return_exceptions: bool = False
) -> Measurement:
    watch = Stopwatch(job.lookups)
    turn = asyncio.Semaphore(job.concurrency) if bounded else contextlib.nullcontext()
    async with _session(job) as session:
        with watch:
            await asyncio.gather(
                *(
                    _timed(fetch, session, account_url(job.base_url, email), watch, turn)
                    for email in emails(job.lookups)
                ),
                return_exceptions=return_exceptions,
            )
    return watch.measurement()


async def _in_turn(job: Job) -> Measurement:
    watch = Stopwatch(job.lookups)
    async with _session(job) as session:
        with watch:
            for email in emails(job.lookups):
                url = account_url(job.base_url, email)
                await _timed(_fetch_as_usual, session, url, watch, contextlib.nullcontext())
    return watch.measurement()


async def _arriving(job: Job) -> Measurement:
    async with _session(job) as session:

        async def fetch(email: str) -> UsualAccount:
            return await _fetch_as_usual(session, account_url(job.base_url, email))

        return (await arrive(job, fetch)).measurement()


def _session(job: Job) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=job.concurrency, ssl=job.tls())
    return aiohttp.ClientSession(connector=connector, headers=HEADERS)


async def _timed(
    fetch: Fetch,
    session: aiohttp.ClientSession,
    url: str,
    watch: Stopwatch,
    turn: AbstractAsyncContextManager[None],
) -> Account | UsualAccount:
    async with turn:
        started = time.perf_counter()
        account = await fetch(session, url)
        watch.answered(time.perf_counter() - started)
        return account


async def _fetch_as_usual(session: aiohttp.ClientSession, url: str) -> UsualAccount:
    async with session.get(url) as response:
        response.raise_for_status()
        return structure_as_usual(await response.json())


async def _fetch(session: aiohttp.ClientSession, url: str) -> Account:
    async with session.get(url) as response:
        response.raise_for_status()
        return structure(await response.json())


async def _fetch_until_allowed(session: aiohttp.ClientSession, url: str) -> Account:
    while True:
        try:
            return await _fetch(session, url)
        except aiohttp.ClientResponseError as error:
            if error.status != 429 or error.headers is None:
                raise
            await asyncio.sleep(float(error.headers["Retry-After"]))
