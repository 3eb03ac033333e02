"""nginx's own limits, with the defaults that people leave on: whatever it says, nobody fails.

200 requests a second, or five at a time; refused by 429 or, as it does unless told otherwise,
by 503; at once, or after a queue.
"""

import asyncio
import collections
import time

import pytest

from ltx_async import LTXClient, Outcome, RetryPolicy

from .front import Front
from .yardstick import best_even_rate

RATE = 200
CONNECTIONS = 5
LATENCY = 0.02
SETTLED = 10  # seconds, after which the bars hold
LIMITS = {
    "429": "limit_req zone=all burst=20 nodelay;",
    "503": "limit_req zone=all burst=20 nodelay; limit_req_status 503;",
    "429 without a burst": "limit_req zone=all;",
    "503 after a queue": "limit_req zone=all burst=20; limit_req_status 503;",
    "429 by connections": f"limit_conn conns {CONNECTIONS}; limit_conn_status 429;",
    "503 by connections": f"limit_conn conns {CONNECTIONS};",
}
SHORT = ("429", "503", "503 by connections")  # the others in `make soak`


async def ask(client: LTXClient, count: int) -> tuple[collections.Counter, list[float], object]:
    """Return the outcomes, the times of the answers, and the stats of a run."""
    outcomes, times = collections.Counter(), []
    began = time.monotonic()
    async with client.lookup_many(f"{n}@example.com" for n in range(count)) as lookups:
        async for lookup in lookups:
            outcomes[lookup.outcome] += 1
            times.append(time.monotonic() - began)
    return outcomes, times, lookups.stats


@pytest.mark.parametrize(
    "limit",
    [limit if limit in SHORT else pytest.param(limit, marks=pytest.mark.soak) for limit in LIMITS],
)
async def test_no_email_fails_whatever_it_refuses_by(front, transport, limit):
    await front.start(limit=LIMITS[limit])
    front.emulator.latency = LATENCY
    async with front.client(transport, concurrency=50, retry=RetryPolicy()) as client:
        async with asyncio.timeout(40):
            outcomes, _, stats = await ask(client, 400)
    assert outcomes == {Outcome.OK: 400}
    assert 0 < stats.throttles < 200
    assert stats.pace is not None


async def allowed(front: Front, transport: str, limit: str) -> float:
    """Return the requests per second that one who knows the limit gets."""
    if "connections" in limit:
        async with front.client(transport, concurrency=CONNECTIONS) as client:
            _, times, stats = await ask(client, 1000)
        assert stats.throttles <= 0.02 * 1000
        return 1000 / times[-1]
    if "without a burst" in limit:
        return await best_even_rate(front, range(160, RATE + 1, 10))
    return RATE


@pytest.mark.soak
@pytest.mark.parametrize("limit", LIMITS)
async def test_what_it_allows_is_used(front, transport, limit):
    """Without a burst, and at a time, that is what one gets who knows the limit."""
    await front.start(limit=LIMITS[limit])
    front.emulator.latency = LATENCY
    ideal = await allowed(front, transport, limit)
    async with front.client(transport, concurrency=50, retry=RetryPolicy()) as client:
        outcomes, times, stats = await ask(client, 45 * RATE)
    assert outcomes == {Outcome.OK: 45 * RATE}
    settled = [at for at in times if at >= SETTLED]
    used = len(settled) / (times[-1] - SETTLED) / ideal
    told = f"{limit}: {used:.1%} of {ideal:.0f}/s used, {stats.throttles} throttled"
    assert used >= 0.9, told
    assert stats.throttles <= 0.02 * stats.requests, told
