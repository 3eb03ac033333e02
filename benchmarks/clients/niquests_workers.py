"""niquests' async session with as many workers as connections."""

import asyncio

import niquests

from benchmarks.account import Account, structure
from benchmarks.clients.workers import drive
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import HEADERS, account_url


def run(job: Job) -> Measurement:
    """Look up every email of the job."""
    return asyncio.run(_run(job))


async def _run(job: Job) -> Measurement:
    async with niquests.AsyncSession(
        pool_connections=1, pool_maxsize=job.concurrency, headers=HEADERS, timeout=30
    ) as session:

        async def fetch(email: str) -> Account:
            response = await session.get(account_url(job.base_url, email))
            response.raise_for_status()
            return structure(response.json())

        return (await drive(job, fetch)).measurement()
