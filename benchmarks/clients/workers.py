"""What drives an async client: a fixed set of workers, or emails that arrive by the clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from benchmarks.measurement import Job, Stopwatch
from benchmarks.workload import emails


async def drive(job: Job, fetch: Callable[[str], Awaitable[object]]) -> Stopwatch:
    """Look up every email of the job with ``fetch``, ``concurrency`` at a time, and time it."""
    watch = Stopwatch(job.lookups)
    queue = emails(job.lookups)
    with watch:
        async with asyncio.TaskGroup() as group:
            for _ in range(job.concurrency):
                group.create_task(_work(queue, fetch, watch))
    return watch


async def _work(
    queue: Iterator[str], fetch: Callable[[str], Awaitable[object]], watch: Stopwatch
) -> None:
    for email in queue:
        started = time.perf_counter()
        await fetch(email)
        watch.answered(time.perf_counter() - started)


async def arrive(job: Job, fetch: Callable[[str], Awaitable[object]]) -> Stopwatch:
    """Look up emails that arrive evenly, ``rate`` a second, whatever became of those before.

    A latency counts from the moment when an email was due, not from when the client got to it:
    one that holds the others up is charged with all of their waits (coordinated omission).
    """
    watch = Stopwatch(job.lookups)
    with watch:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, email in enumerate(emails(job.lookups)):
                due = began + number / job.rate
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                group.create_task(_answer(email, due, fetch, watch))
    return watch


async def _answer(
    email: str, due: float, fetch: Callable[[str], Awaitable[object]], watch: Stopwatch
) -> None:
    await fetch(email)
    watch.answered(time.perf_counter() - due)
