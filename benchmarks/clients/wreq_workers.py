"""wreq, a client in Rust, with as many workers as connections."""

from datetime import timedelta
from pathlib import Path

import orjson
import wreq

from benchmarks.account import Account, is_account_reply, structure
from benchmarks.clients.workers import drive
from benchmarks.loops import run_on_uvloop
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import HEADERS, account_url


def run(job: Job) -> Measurement:
    """Look up every email of the job on uvloop."""
    return run_on_uvloop(_run(job))


async def _run(job: Job) -> Measurement:
    trusted = {"tls_verify": Path(job.ca_file)} if job.ca_file else {}
    client = wreq.Client(
        headers=HEADERS, timeout=timedelta(seconds=30), http1_only=True, no_proxy=True, **trusted
    )

    async def fetch(email: str) -> Account:
        response = await client.get(account_url(job.base_url, email))
        content_type = str(response.headers["content-type"], "latin-1")
        if not is_account_reply(response.status.as_int(), content_type):
            raise ValueError(f"status {response.status}")
        return structure(orjson.loads(await response.bytes()))

    return (await drive(job, fetch)).measurement()
