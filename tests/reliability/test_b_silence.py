"""Promise 11: a peer that never finishes is given up at the timeout, not long after it."""

import asyncio
import itertools

import pytest
from patience import in_time

from ltx_async import AttemptTimeoutError, Outcome, RetryPolicy

from .replies import account_body, chunk, head, ok
from .wire import HANG, Pause, in_turn

TIMEOUT = 0.3
CLOCK = 0.002  # uvloop counts in milliseconds
ONCE = RetryPolicy(attempts=1)


def drip(data: bytes):
    for byte in itertools.cycle(data):
        yield bytes([byte])
        yield Pause(0.05)


SILENCES = {
    "nothing": lambda: [HANG],
    "half a status line": lambda: [b"HTTP/1.1 2", HANG],
    "half the headers": lambda: [head(200)[:-2], HANG],
    "headers": lambda: [head(200, ("Content-Length", "10")), HANG],
    "half a body": lambda: [head(200, ("Content-Length", "99")), b'{"email"', HANG],
    "an open chunk": lambda: [head(200, ("Transfer-Encoding", "chunked")), b"9\r\n{", HANG],
    "no last chunk": lambda: [head(200, ("Transfer-Encoding", "chunked")), chunk(b"{}"), HANG],
    "no end of the trailers": lambda: [
        head(200, ("Transfer-Encoding", "chunked")),
        chunk(account_body("ann@example.com")) + b"0\r\n",
        HANG,
    ],
    "no length and no end": lambda: [head(200) + account_body("ann@example.com"), HANG],
    "a dripping header": lambda: [b"HTTP/1.1 200 OK\r\nX: ", *itertools.islice(drip(b"a"), 200)],
    "a dripping body": lambda: itertools.chain(
        [head(200, ("Content-Length", "999"))], drip(account_body("ann@example.com"))
    ),
    "dripping chunks": lambda: itertools.chain(
        [head(200, ("Transfer-Encoding", "chunked"))], drip(b"1\r\n \r\n")
    ),
    "a drip of 100 Continue": lambda: itertools.cycle(
        [b"HTTP/1.1 100 Continue\r\n\r\n", Pause(0.05)]
    ),
}


@pytest.mark.parametrize("script", SILENCES.values(), ids=SILENCES.keys())
async def test_an_attempt_ends_at_its_timeout(serve, connect, script):
    server = await serve(lambda asked: script())
    client = connect(server, timeout=TIMEOUT, retry=ONCE)
    began = asyncio.get_running_loop().time()
    lookup = await client.lookup("ann@example.com")
    seconds = asyncio.get_running_loop().time() - began
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, AttemptTimeoutError)
    assert seconds >= TIMEOUT - CLOCK
    assert in_time(seconds, TIMEOUT + 1)
    assert server.requests == 1


async def test_accepting_and_reading_nothing_ends_at_the_timeout(serve, connect):
    server = await serve(ok, greeting=lambda _connection: [Pause(30)])
    began = asyncio.get_running_loop().time()
    lookup = await connect(server, timeout=TIMEOUT, retry=ONCE).lookup("ann@example.com")
    assert isinstance(lookup.error, AttemptTimeoutError)
    took = asyncio.get_running_loop().time() - began
    assert took >= TIMEOUT - CLOCK
    assert in_time(took, TIMEOUT + 1)


async def test_silence_in_the_tls_handshake_ends_at_the_timeout(serve, connect, trusting):
    server = await serve(ok, greeting=lambda _connection: [Pause(30)], scheme="https")
    client = connect(server, timeout=TIMEOUT, retry=ONCE, ssl=trusting)
    began = asyncio.get_running_loop().time()
    lookup = await client.lookup("ann@example.com")
    assert isinstance(lookup.error, AttemptTimeoutError)
    took = asyncio.get_running_loop().time() - began
    assert took >= TIMEOUT - CLOCK
    assert in_time(took, TIMEOUT + 1)


async def test_a_connection_that_timed_out_is_closed_and_never_used_again(serve, connect):
    late = [Pause(0.4), head(200, ("Content-Length", "0"))]
    server = await serve(lambda asked: late if asked.email == "ann@example.com" else ok(asked))
    client = connect(server, concurrency=1, retry=ONCE)
    assert (await client.lookup("first@example.com")).outcome is Outcome.OK
    lookup = await client.lookup("ann@example.com", timeout=0.2)
    assert isinstance(lookup.error, AttemptTimeoutError)
    assert (await client.lookup("bob@example.com")).outcome is Outcome.OK
    assert [asked.connection for asked in server.asked] == [0, 0, 1]


async def test_a_timeout_is_retried(serve, connect):
    server = await serve(in_turn([HANG]))
    lookup = await connect(server, timeout=TIMEOUT).lookup("ann@example.com")
    assert isinstance(lookup.error, AttemptTimeoutError)
    assert server.requests == lookup.attempts == 3


async def test_a_silent_peer_delays_nobody_else(serve, connect):
    server = await serve(lambda asked: [HANG] if asked.email == "0@example.com" else ok(asked))
    client = connect(server, timeout=TIMEOUT, concurrency=2, retry=ONCE)
    began = asyncio.get_running_loop().time()
    lookups = await client.lookup_many(f"{number}@example.com" for number in range(100))
    assert [lookup.index for lookup in lookups if lookup.outcome is not Outcome.OK] == [0]
    assert in_time(asyncio.get_running_loop().time() - began, TIMEOUT + 1)
