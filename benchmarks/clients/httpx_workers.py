"""httpx with as many workers as connections; one gather over all would be far slower still."""

import asyncio

import httpx

from benchmarks.account import Account, structure
from benchmarks.clients.workers import drive
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import HEADERS, account_url


def run(job: Job) -> Measurement:
    """Look up every email of the job."""
    return asyncio.run(_run(job))


async def _run(job: Job) -> Measurement:
    limits = httpx.Limits(
        max_connections=job.concurrency, max_keepalive_connections=job.concurrency
    )
    async with httpx.AsyncClient(headers=HEADERS, limits=limits, timeout=30) as client:

        async def fetch(email: str) -> Account:
            response = await client.get(account_url(job.base_url, email))
            response.raise_for_status()
            return structure(response.json())

        return (await drive(job, fetch)).measurement()
