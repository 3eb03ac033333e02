"""Print how many pages a thousand lookups had the system map, once the connections stand."""

import asyncio
import resource
import ssl
import sys

from ltx_async import LTXClient

EMAILS = [f"user{number:06}@example.com" for number in range(100)]


def page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


async def main(base_url: str, transport: str, authority: str) -> None:
    context = ssl.create_default_context(cafile=authority) if authority else None
    client = LTXClient(
        "user:12345-abcdefghi",
        base_url=base_url,
        concurrency=5,
        transport=transport,
        ssl=context,
    )
    async with client:
        await client.lookup_all(EMAILS)
        before = page_faults()
        for _ in range(10):
            await client.lookup_all(EMAILS)
        print(page_faults() - before)  # noqa: T201


if sys.argv[1] == "uvloop":
    import uvloop

    uvloop.run(main(*sys.argv[2:]))
else:
    asyncio.run(main(*sys.argv[2:]))
