"""Play scenes, each with a client of its own; any warning or leftover shows on stderr."""

import asyncio
import contextlib
import gc
import sys

from ltx_async import AuthenticationError, LTXClient, RetryPolicy

EMAILS = [f"{number}@example.com" for number in range(30)]


async def normal(client: LTXClient) -> None:
    async with client:
        assert len(await client.lookup_many(EMAILS)) == len(EMAILS)
        await client.fetch_account("ann@example.com")


async def exception(client: LTXClient) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with client, client.lookup_many(EMAILS) as lookups:
            async for _ in lookups:
                raise ZeroDivisionError


async def cancel(client: LTXClient) -> None:
    async with client:
        for delay in (0, 0.001, 0.005, 0.02):
            task = asyncio.create_task(_run(client))
            await asyncio.sleep(delay)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _run(client: LTXClient) -> None:
    await client.lookup_many(EMAILS)


async def never_entered(client: LTXClient) -> None:
    await client.lookup("ann@example.com")
    client.lookup_many(EMAILS)
    await client.aclose()


async def never_used(_client: LTXClient) -> None:
    """Not even closed: nothing was opened."""


async def double_close(client: LTXClient) -> None:
    async with client:
        await client.lookup("ann@example.com")
        await client.aclose()
    await client.aclose()


async def two_loops(client: LTXClient) -> None:
    await normal(client)


async def left_early(client: LTXClient) -> None:
    async with client, client.lookup_many(EMAILS) as lookups:
        async for _ in lookups:
            break


async def timeout(client: LTXClient) -> None:
    async with client:
        lookup = await client.lookup("hang@example.com", timeout=0.05)
        assert lookup.account is None


async def run_ended(client: LTXClient) -> None:
    async with client:
        with contextlib.suppress(AuthenticationError):
            await client.lookup_many([*EMAILS, "refused@example.com", *EMAILS])


def play(scene: str, base_url: str, token: str, transport: str, loop: str) -> None:
    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 10  # a busy machine is no warning
        policy = RetryPolicy(attempts=1)
        client = LTXClient(
            token, base_url=base_url, transport=transport, concurrency=5, retry=policy
        )
        await globals()[scene](client)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    if loop == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())


if __name__ == "__main__":
    settings = sys.argv[1:5]
    for scene in sys.argv[5:]:
        print(scene, flush=True)  # noqa: T201
        for _ in range(2 if scene == "two_loops" else 1):
            play(scene, *settings)
        gc.collect()
    print("done")  # noqa: T201
