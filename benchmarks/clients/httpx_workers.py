"""httpx and httpx2 with as many workers as connections; one gather would be far slower still."""

import asyncio
from importlib import import_module
from types import ModuleType
from typing import Any

from benchmarks.account import Account, structure
from benchmarks.clients.workers import drive
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import HEADERS, account_url


def run(job: Job) -> Measurement:
    """Look up every email of the job with httpx."""
    return asyncio.run(_run(job, import_module("httpx")))


def run_successor(job: Job) -> Measurement:
    """Look up every email of the job with httpx2."""
    return asyncio.run(_run(job, import_module("httpx2")))


async def _run(job: Job, httpx: ModuleType) -> Measurement:
    limits = httpx.Limits(
        max_connections=job.concurrency, max_keepalive_connections=job.concurrency
    )
    settings: dict[str, Any] = {"headers": HEADERS, "limits": limits, "timeout": 30}
    async with httpx.AsyncClient(**settings) as client:

        async def fetch(email: str) -> Account:
            response = await client.get(account_url(job.base_url, email))
            response.raise_for_status()
            return structure(response.json())

        return (await drive(job, fetch)).measurement()
