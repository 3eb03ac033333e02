"""Look up 60 accounts, 20 at a time, with a timeout of a second; print what came of it."""

import asyncio
import json
import sys

from ltx_async import LTXClient


async def main(base_url: str, token: str, transport: str) -> None:
    async with LTXClient(token, base_url=base_url, transport=transport, timeout=1.0) as client:
        lookups = await client.lookup_many(f"{number}@example.com" for number in range(60))
    answered = sum(lookup.account is not None for lookup in lookups)
    attempts = sum(lookup.attempts for lookup in lookups)
    print(json.dumps({"ok": answered, "attempts": attempts}))  # noqa: T201


if __name__ == "__main__":
    *arguments, loop = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(*arguments))
    else:
        asyncio.run(main(*arguments))
