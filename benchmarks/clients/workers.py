"""A fixed set of workers on one iterator: what a careful user of an async client writes."""

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
