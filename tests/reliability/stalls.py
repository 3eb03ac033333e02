"""How long the event loop stands still."""

import asyncio
import contextlib
import time
from collections.abc import Callable


@contextlib.asynccontextmanager
async def longest_stall(stalls: list[float], worked: Callable[[], float] = time.process_time):
    """Append how long the loop did not come to a task that wants to run every millisecond.

    Of that, only the time counts in which this process had a processor: what keeps the loop
    busy is decoding, and others use the machine as well.

    Args:
        stalls: gets the seconds.
        worked: the processor time, of the loop's thread alone where other threads are the peer.
    """
    loop = asyncio.get_running_loop()
    longest = 0.0

    async def tick():
        nonlocal longest
        while True:
            before, used = loop.time(), worked()
            await asyncio.sleep(0.001)
            longest = max(longest, min(loop.time() - before, worked() - used))

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    longest = 0.0
    try:
        yield
    finally:
        await asyncio.sleep(0.01)
        ticking.cancel()
        stalls.append(longest)
