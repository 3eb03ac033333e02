"""Processes that share the work and a rate: each has a client of its own.

pip install ltx_async
USEAPI_TOKEN=user:12345-abcdefghi python workers.py < emails.txt > results.jsonl
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from ltx_async.sync import LTXClient

PROCESSES = 2
RATE = 100.0  # requests per second, of all of them together
BATCH = 500


def look_up(emails: list[str]) -> list[dict[str, Any]]:
    """Look some emails up in a worker; records leave cookies out, pickled lookups hold them."""
    with LTXClient(rate=RATE / PROCESSES) as client:
        return [lookup.to_record() for lookup in client.lookup_all(emails)]


def main() -> None:
    """Hand the emails of standard input out, and print a line of JSON for each."""
    emails = sys.stdin.read().split()
    batches = [emails[start : start + BATCH] for start in range(0, len(emails), BATCH)]
    # A forked process would have the threads' locks of this one, but not the threads.
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for records in pool.map(look_up, batches):
            for record in records:
                print(json.dumps(record))


if __name__ == "__main__":
    main()
