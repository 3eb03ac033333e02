"""What a limit gives to one who knows it: the share that bars are set against."""

import asyncio
from collections.abc import Iterable

import aiohttp

from ltx_async.emulator import EXAMPLE_TOKEN

from .front import Front


async def best_even_rate(front: Front, rates: Iterable[float], seconds: float = 10.0) -> float:
    """Return the most that is served in a second to one who sends evenly and never waits.

    Of the rates those count at which at most one request in fifty is refused. Without a burst
    nginx refuses whatever comes closer than its rate, in whole milliseconds: so nobody gets all
    that it allows, and how much depends on the timers of the machine.
    It takes some seconds to tell: at a rate that is too fast, three may pass with hardly a refusal.
    """
    best = 0.0
    headers = {"Authorization": f"Bearer {EXAMPLE_TOKEN}"}
    connector = aiohttp.TCPConnector(limit=50, ssl=front.trusting)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        for rate in rates:
            served, refused = await _served(front, session, rate, seconds)
            if refused <= 0.02 * (served + refused):
                best = max(best, served / seconds)
    return best


async def _served(
    front: Front, session: aiohttp.ClientSession, rate: float, seconds: float
) -> tuple[int, int]:
    async def ask(number: int) -> bool:
        url = f"{front.base_url}/ltxstudio/accounts/{number}@example.com"
        async with session.get(url) as reply:
            await reply.read()
            return reply.status == 200

    loop = asyncio.get_running_loop()
    asked: list[asyncio.Task[bool]] = []
    due = loop.time()
    ends = due + seconds
    while due < ends:
        await asyncio.sleep(due - loop.time())
        asked.append(asyncio.create_task(ask(len(asked))))
        due = loop.time() + 1 / rate
    answers = await asyncio.gather(*asked)
    return sum(answers), len(answers) - sum(answers)
