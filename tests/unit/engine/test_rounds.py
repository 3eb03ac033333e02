"""One client that asks round after round, as `watch` does."""

from contextlib import suppress

import pytest

from ltx_async.codec import Reply
from ltx_async.errors import LTXError
from ltx_async.models import Outcome
from unit.scripted import ScriptedTransport, client_over, emails
from unit.virtual_time import in_virtual_time, passes

EPOCH = "1799999999"  # seconds since 1970 in the place of seconds to wait
ABSURD = {
    "the epoch's seconds": ({"retry-after": EPOCH}, b"{}"),
    "a date in the year 9999": ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, b"{}"),
    "a number in the body": ({}, b'{"error": "slow down", "retry_after": 1e308}'),
}


@pytest.mark.parametrize("wait", ABSURD)
@pytest.mark.parametrize("status", [429, 503])
@in_virtual_time
async def test_rounds_are_answered_again_an_hour_after_an_absurd_wait_at_the_latest(wait, status):
    headers, body = ABSURD[wait]
    absurd = Reply(status, headers, body)
    transport = ScriptedTransport(lambda _email, _n: absurd if len(transport.sent) == 1 else 200)
    client = client_over(transport, concurrency=2)
    answered = []
    for _ in range(14):
        answered.append(await answered_in_a_round(client))
        await passes(300)
    assert answered[-1] == 5
    await client.aclose()


async def answered_in_a_round(client):
    count = 0
    with suppress(LTXError):  # a round that is refused for so long ends
        async with client.lookup_many(emails(5)) as run:
            async for lookup in run:
                count += lookup.outcome is Outcome.OK
    return count
