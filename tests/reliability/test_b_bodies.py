"""Promise 14: a body that is too large or encoded is refused before it can do harm."""

import contextlib
import gzip
import itertools
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ltx_async import Outcome, ProtocolError, RetryPolicy

from .replies import account_body, chunk, head, ok, reply
from .wire import CLOSE, Script, in_turn

MIB = 1 << 20
ANN = account_body("ann@example.com")
CHUNKED = ("Transfer-Encoding", "chunked")
ONCE = RetryPolicy(attempts=1)


def padded(size: int) -> bytes:
    """An account of exactly `size` bytes."""
    empty = account_body("ann@example.com", note="")
    return account_body("ann@example.com", note="x" * (size - len(empty)))


def in_chunks(body: bytes) -> bytes:
    pieces = [body[start : start + 50_000] for start in range(0, len(body), 50_000)]
    return head(200, CHUNKED) + b"".join(map(chunk, pieces)) + chunk(b"")


@contextlib.contextmanager
def little_memory():
    """Assert that the most memory in use meanwhile grows little, where Linux tells that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): forget the peak so far
    except OSError:
        yield
        return
    before = kibibytes("VmRSS")
    yield
    assert kibibytes("VmHWM") - before < 32 << 10


def kibibytes(name: str) -> int:
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)
    ]
    return int(line.split()[1])


@pytest.mark.parametrize("framed", [lambda body: reply(200, body), in_chunks])
async def test_a_body_of_a_mebibyte_is_read(serve, connect, framed):
    server = await serve(in_turn([framed(padded(MIB))]))
    lookup = await connect(server, retry=ONCE).lookup("ann@example.com")
    assert lookup.outcome is Outcome.OK
    assert len(lookup.account.extra["note"]) > MIB - 100


SLIGHTLY = {
    "honest": lambda: [reply(200, padded(MIB + 1))],
    "chunked": lambda: [in_chunks(padded(MIB + 1))],
    "to the end of the connection": lambda: [head(200) + padded(MIB + 1), CLOSE],
}


@pytest.mark.parametrize("script", SLIGHTLY.values(), ids=SLIGHTLY.keys())
async def test_a_body_of_one_byte_more_is_refused_and_retried(serve, connect, script):
    server = await serve(lambda asked: ok(asked) if asked.number > 2 else script())
    client = connect(server)
    lookup = await client.lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert server.requests == lookup.attempts == 3
    assert (await client.lookup("bob@example.com")).outcome is Outcome.OK


def without_end(beginning: bytes, more: bytes) -> Callable[[], Script]:
    """A script that says `more` until 100 MB are sent, or the peer is gone."""
    return lambda: itertools.chain([beginning], itertools.repeat(more, 100 * MIB // len(more)))


BLANKS = b" " * 65_536
ENDLESS = {
    "announced": without_end(head(200, ("Content-Length", str(10**15))), BLANKS),
    "chunks": without_end(head(200, CHUNKED), chunk(BLANKS)),
    "one chunk": without_end(head(200, CHUNKED) + b"fffffff\r\n", BLANKS),
    "to the end of the connection": without_end(head(200), BLANKS),
    "an error": without_end(head(404, CHUNKED), chunk(BLANKS)),
    "chunks of a byte": without_end(head(200, CHUNKED), chunk(b" ") * 10_000),
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
async def test_a_body_over_the_cap_is_refused_and_its_connection_closed(serve, connect, script):
    server = await serve(lambda asked: ok(asked) if asked.number else script())
    client = connect(server, retry=ONCE, timeout=60)
    with little_memory():
        lookup = await client.lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert server.bytes_sent < 32 * MIB  # what nobody read lies in the system's buffers
    assert (await client.lookup("bob@example.com")).outcome is Outcome.OK
    assert (server.requests, server.connections) == (2, 2)


BOMB = gzip.compress(bytes(200 * MIB), 1)
ENCODED = {
    "gzip": ("gzip", gzip.compress(ANN)),
    "GZIP": ("GZIP", gzip.compress(ANN)),
    "deflate": ("deflate", zlib.compress(ANN)),
    "br": ("br", ANN),
    "zstd": ("zstd", ANN),
    "twice": ("gzip, identity", gzip.compress(ANN)),
    "unknown": ("x-mine", ANN),
    "said, but not so": ("gzip", ANN),
    "a bomb": ("gzip", BOMB),
}


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize(("coding", "body"), ENCODED.values(), ids=ENCODED.keys())
async def test_an_encoding_that_was_not_asked_for_is_refused(serve, connect, coding, body, status):
    script = [reply(status, body, ("Content-Encoding", coding))]
    server = await serve(lambda asked: ok(asked) if asked.number else script)
    client = connect(server, retry=ONCE)
    with little_memory():
        lookup = await client.lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert (await client.lookup("bob@example.com")).outcome is Outcome.OK
    # A connection may be kept only where the whole reply had come already.
    assert server.connections == 2 or len(body) < 1000


async def test_an_encoded_reply_is_retried(serve, connect):
    script = [reply(200, gzip.compress(ANN), ("Content-Encoding", "gzip"))]
    server = await serve(lambda asked: script if asked.number < 2 else ok(asked))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 3)


async def test_an_encoding_behind_an_interim_reply_in_one_piece_is_seen(serve, connect):
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 3
    server = await serve(in_turn([interim + reply(200, ANN, ("Content-Encoding", "br"))]))
    lookup = await connect(server, retry=ONCE).lookup("ann@example.com")
    assert type(lookup.error) is ProtocolError


async def test_an_encoding_named_identity_is_none(serve, connect):
    server = await serve(in_turn([reply(200, ANN, ("Content-Encoding", "identity"))]))
    assert (await connect(server).lookup("ann@example.com")).outcome is Outcome.OK
    assert all(asked.values("accept-encoding") == ["identity"] for asked in server.asked)


async def test_the_list_may_be_larger_than_an_account(serve, connect):
    emails = [f"{number}@example.com" for number in range(20_000)]
    body = json.dumps({email: {"email": email, "maxJobs": 20} for email in emails}).encode()
    assert len(body) > MIB
    server = await serve(in_turn([reply(200, body)]))
    assert list(await connect(server).list_accounts()) == emails
