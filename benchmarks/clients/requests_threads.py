"""requests in as many threads as connections, all on one session with a pool of that size."""

import time
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter

from benchmarks.account import structure
from benchmarks.measurement import Job, Measurement, Stopwatch
from benchmarks.workload import HEADERS, account_url, emails


def run(job: Job) -> Measurement:
    """Look up every email of the job."""
    watch = Stopwatch(job.lookups)
    with requests.Session() as session, ThreadPoolExecutor(job.concurrency) as pool:
        session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=job.concurrency))
        session.headers.update(HEADERS)

        def fetch(email: str) -> float:
            started = time.perf_counter()
            response = session.get(account_url(job.base_url, email), timeout=30)
            response.raise_for_status()
            structure(response.json())
            return time.perf_counter() - started

        with watch:
            for seconds in pool.map(fetch, emails(job.lookups)):
                watch.answered(seconds)
    return watch.measurement()
