"""Look up 400 accounts, 200 at a time, with 64 file descriptors; print what came of it."""

import asyncio
import json
import logging
import resource
import sys
from collections import Counter

from ltx_async import LTXClient


class Counting(logging.Handler):
    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.levelno >= logging.WARNING


async def main(base_url: str, token: str, transport: str) -> None:
    warnings = Counting()
    logging.getLogger("ltx_async").addHandler(warnings)
    async with LTXClient(
        token, base_url=base_url, concurrency=200, transport=transport, timeout=10
    ) as client:
        lookups = await client.lookup_many(f"{number}@example.com" for number in range(400))
        concurrency = client._shared.limiter.concurrency
    outcomes = Counter(lookup.outcome.value for lookup in lookups)
    report = {"outcomes": outcomes, "warnings": warnings.count, "concurrency": concurrency}
    print(json.dumps(report))  # noqa: T201


if __name__ == "__main__":
    *arguments, loop = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(*arguments))
    else:
        asyncio.run(main(*arguments))
