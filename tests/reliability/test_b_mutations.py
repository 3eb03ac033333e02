"""Promise 17: whatever bytes come, only our exceptions come out, in time, and no wrong answer."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import in_time

from ltx_async import LTXClient, LTXError, Outcome, RetryPolicy

from .conftest import TOKEN
from .replies import account_body, chunk, error, head, reply
from .wire import CLOSE

EMAIL = "ann@example.com"
BODY = account_body(EMAIL, maxJobs=20, cookie={"lt_id": "x"}, updated=1767225600000)
ORIGINALS = [
    reply(200, BODY),
    head(200, ("Transfer-Encoding", "chunked")) + chunk(BODY[:30]) + chunk(BODY[30:]) + chunk(b""),
    head(200, ("Connection", "close")) + BODY,
    b"HTTP/1.1 100 Continue\r\n\r\n" + reply(200, BODY, ("Content-Encoding", "identity")),
    error(429, retry_after=0),
    reply(503, b"", ("Retry-After", "0")),
    reply(404, b"Account configuration not found for the specified email address."),
    reply(302, b"", ("Location", "https://elsewhere.example.com/")),
    error(596),
    reply(522, b"<html></html>", ("CF-Ray", "8f0-AMS")),
]
SPICE = [
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b"\xff",
    b":",
    b" ",
    b"0",
    b"-1",
    b"chunked",
    b"\n",
    b"{",
    b"9" * 30,
]
SPICE += [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1 200 OK\r\n"]
SPICE += [b"Content-Encoding: gzip\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n", b"HTTP/1.1 101 "]
POLICY = RetryPolicy(attempts=2, base=0, throttles=1, throttle_base=0, retry_after_cap=0.01)


def spliced(data: bytes, start: int, length: int, new: bytes) -> bytes:
    start %= len(data) + 1
    return data[:start] + new + data[start + length :]


@st.composite
def mutants(draw) -> bytes:
    data = draw(st.sampled_from(ORIGINALS))
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(st.integers(0, 600)), draw(st.sampled_from([0, 1, 2, 9, 1000]))
        new = draw(st.binary(max_size=3) | st.sampled_from(SPICE) | st.sampled_from(ORIGINALS))
        data = spliced(data, start, length, new)
    return data


def mutant(draw: random.Random) -> bytes:
    """The same with a generator of our own, which is faster."""
    data = draw.choice(ORIGINALS)
    for _ in range(draw.randint(1, 4)):
        new = draw.choice(
            [draw.randbytes(draw.randint(0, 3)), draw.choice(SPICE), draw.choice(ORIGINALS)]
        )
        data = spliced(data, draw.randint(0, 600), draw.choice([0, 1, 2, 9, 1000]), new)
    return data


def check(lookup, seconds: float) -> None:
    assert in_time(seconds, 2)
    if lookup.outcome in {Outcome.OK, Outcome.NEEDS_REAUTH} and lookup.error is None:
        assert lookup.account.email in {None, EMAIL}
        assert lookup.status == 200
    else:
        assert isinstance(lookup.error, LTXError)
    assert 1 <= lookup.attempts <= 6  # two attempts and a throttle, each replaced once


@pytest.mark.untraced  # it would take twice as long
@pytest.mark.asyncio(loop_factories=["asyncio"])
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=mutants(), cut=st.integers(0, 700))
async def test_a_mutated_reply_gives_only_our_exceptions_in_time(serve, connect, data, cut):
    server = await serve(lambda asked: [data[:cut], data[cut:], CLOSE])
    client = connect(server, timeout=0.5, retry=POLICY)
    began = asyncio.get_running_loop().time()
    check(await client.lookup(EMAIL), asyncio.get_running_loop().time() - began)


@pytest.mark.soak
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_hundred_thousand_mutated_replies(serve, transport):
    """A client for each, since one that is refused so often would ask but now and then."""
    draw = random.Random(20_260_101)
    server = await serve(lambda asked: [mutant(draw), CLOSE])
    loop = asyncio.get_running_loop()

    async def ask(times: int) -> None:
        for _ in range(times):
            began = loop.time()
            options = {"base_url": server.base_url, "transport": transport, "timeout": 0.5}
            async with LTXClient(TOKEN, retry=POLICY, **options) as client:
                check(await client.lookup(EMAIL), loop.time() - began)

    await asyncio.gather(*[ask(5_000) for _ in range(20)])
    assert server.requests >= 100_000
