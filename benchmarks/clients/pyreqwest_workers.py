"""pyreqwest, reqwest of Rust for Python, with as many workers as connections."""

from datetime import timedelta
from pathlib import Path

import orjson
from pyreqwest.client import ClientBuilder

from benchmarks.account import Account, is_account_reply, structure
from benchmarks.clients.workers import drive
from benchmarks.loops import run_on_uvloop
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import HEADERS, account_url


def run(job: Job) -> Measurement:
    """Look up every email of the job on uvloop."""
    return run_on_uvloop(_run(job, Path(job.ca_file).read_bytes() if job.ca_file else b""))


async def _run(job: Job, authority: bytes) -> Measurement:
    builder = ClientBuilder().default_headers(HEADERS).timeout(timedelta(seconds=30)).no_proxy()
    if authority:
        builder = builder.add_root_certificate_pem(authority)
    async with builder.max_connections(job.concurrency).http1_only().build() as client:

        async def fetch(email: str) -> Account:
            response = await client.get(account_url(job.base_url, email)).build().send()
            if not is_account_reply(response.status, response.get_header("content-type")):
                raise ValueError(f"status {response.status}")
            return structure(orjson.loads((await response.bytes()).to_bytes()))

        return (await drive(job, fetch)).measurement()
