"""Promises 38 and 39: a limit that nobody told of is learned from refusals, and nobody fails.

Three short servers over real sockets; what the pace makes of servers of every kind, hours
long, is held in virtual time (`unit/engine/test_pace_on_servers`), nginx's own limits in
`external/test_nginx_limits`.
"""

import asyncio

import pytest

from benchmarks.limits import AtATime, Even
from ltx_async import Outcome, RetryPolicy

from .replies import error, ok
from .wire import Pause

SERVERS = {
    "50 a second": (429, lambda: Even(50, burst=5, retry_after=0.0), 80),
    "100 a second, refused by 503": (503, lambda: Even(100, burst=10, retry_after=0.0), 120),
    "5 at a time": (429, lambda: AtATime(5, 0.02, retry_after=0.0), 150),
}


def limited(limit, status, refusals):
    """Answer as a server with a limit does, which keeps no list of its clients."""

    def answer(asked):
        refusals.append(limit.refuses(asked.at) is not None)
        if refusals[-1]:
            yield error(status)
            return
        yield Pause(limit.service(asked.at))
        limit.served(asked.at)
        yield from ok(asked)

    return answer


def before_they_were_many(refusals):
    """Return how many there were before half of twenty replies were: more on a busy machine."""
    for end in range(20, len(refusals)):
        if sum(refusals[end - 20 : end]) >= 10:
            return sum(refusals[: end - 20])
    return sum(refusals)


@pytest.mark.parametrize("name", SERVERS)
async def test_a_limit_is_learned_from_what_it_refuses_and_nobody_fails(serve, connect, name):
    status, make, count = SERVERS[name]
    limit = make()
    refusals = []
    server = await serve(limited(limit, status, refusals))
    client = connect(server, concurrency=50, retry=RetryPolicy())
    emails = [f"{number}@example.com" for number in range(count)]
    async with asyncio.timeout(60):
        run = client.lookup_many(emails)
        lookups = await run
    assert [lookup.outcome for lookup in lookups] == [Outcome.OK] * count
    assert 0 < run.stats.throttles < 0.5 * server.requests
    unrecognised = server.requests - count - run.stats.throttles
    # Nine, or some more where replies come in another order than they were sent in.
    assert 0 <= unrecognised <= (19 + before_they_were_many(refusals) if status == 503 else 0)
    assert 0 < run.stats.pace < 4 * limit.allowed(0.0, 1.0)  # it doubles until it is refused
