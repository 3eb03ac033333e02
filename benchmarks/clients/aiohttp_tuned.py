"""aiohttp by someone who knows it: workers, uvloop, orjson, no cookies, no decompression."""

import aiohttp
import orjson
from yarl import URL

from benchmarks.account import Account, is_account_reply, structure
from benchmarks.clients.workers import drive
from benchmarks.loops import run_on_uvloop
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import HEADERS, account_url


def run(job: Job) -> Measurement:
    """Look up every email of the job."""
    return run_on_uvloop(_run(job))


async def _run(job: Job) -> Measurement:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=job.concurrency, keepalive_timeout=60, ssl=job.tls()),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={**HEADERS, "Accept-Encoding": "identity"},
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=30),
    ) as session:

        async def fetch(email: str) -> Account:
            url = URL(account_url(job.base_url, email), encoded=True)
            async with session.get(url, allow_redirects=False) as response:
                if not is_account_reply(response.status, response.headers.get("Content-Type")):
                    raise ValueError(f"status {response.status}")
                return structure(orjson.loads(await response.read()))

        return (await drive(job, fetch)).measurement()
