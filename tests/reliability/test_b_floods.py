"""Promises 11 and 30: what a peer sends without end keeps nobody, however fast it comes."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from patience import in_time, until

from ltx_async import Outcome, ProtocolError, RetryPolicy, TransportError
from ltx_async.transport.pool import MOST_INTERIM

from .conftest import TOKEN
from .replies import account_body, chunk, head, ok, reply
from .stalls import longest_stall

TIMEOUT = 0.5
PIECE = 4 << 20  # bytes; uvloop reads up to 8 MiB before it looks at anything else
CHUNKED = head(200, ("Transfer-Encoding", "chunked"))
WHOLE = reply(200, account_body("ann@example.com"))
HINTS = b"HTTP/1.1 103 Early Hints\r\n"


class Flood:
    """Answers each request with a beginning, and then with the same bytes for ever.

    It does so in threads: the event loop of the test may stand still for all it gets.
    """

    def __init__(self, begin: bytes, again: bytes) -> None:
        self._begin = begin
        self._piece = again * (PIECE // len(again) + 1)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: list[socket.socket] = []
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.requests = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._peers.append(peer)
                threading.Thread(target=self._play, args=(peer,), daemon=True).start()

    def _play(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            if b"\r\n\r\n" not in peer.recv(65536):
                return
            self.requests += 1
            peer.sendall(self._begin)
            while True:
                peer.sendall(self._piece)

    def stop(self) -> None:
        for peer in (self._listener, *self._peers):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()


@pytest.fixture
def flood():
    """Start a `Flood` that lasts until the end of the test."""
    with contextlib.ExitStack() as floods:

        def start(begin: bytes, again: bytes) -> Flood:
            started = Flood(begin, again)
            floods.callback(started.stop)
            return started

        yield start


async def ended(client) -> tuple[object, float, float]:
    """Look one email up; return what came of it, its seconds, and those the loop stood still."""
    loop, stalls = asyncio.get_running_loop(), []
    async with longest_stall(stalls, time.thread_time):
        began = loop.time()
        asking = asyncio.create_task(client.lookup("ann@example.com"))
        await asyncio.wait((asking,), timeout=5)
        took = loop.time() - began
    if not asking.done():
        asking.cancel()
        await asyncio.wait((asking,), timeout=5)
        pytest.fail("it did not end within 5 seconds")
    return asking.result(), took, stalls[0]


INTERIM = {
    "100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "103, as short as may be": b"HTTP/1.1 103 E\r\n\r\n",
    "103 with a link": HINTS + b"Link: </x>\r\n\r\n",
    "103 with many long fields": HINTS + b"Link: <%s>\r\n" % (b"x" * 8000) * 8 + b"\r\n",
    "a number without a meaning": b"HTTP/1.1 199 Whatever\r\n\r\n",
    "102 and 103 in turn": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 E\r\n\r\n",
}
ENDLESS = {
    "blank lines before the reply": (b"", b"\r\n"),
    "header fields": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "an extension of a chunk": (CHUNKED + b"5;", b"x"),
    "extensions of chunks": (
        CHUNKED,
        b"1;x=yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n \r\n",
    ),
    "chunks of a byte": (CHUNKED, chunk(b" ")),
    "chunks of a byte, as zeros before their size": (CHUNKED, b"00000000000001\r\n \r\n"),
    "zeros before the size of a chunk": (CHUNKED, b"0"),
    "trailers": (CHUNKED + chunk(b"{}") + b"0\r\n", b"X: y\r\n"),
    "switches of protocols": (b"", b"HTTP/1.1 101 S\r\n\r\n"),
    "switches of protocols that name one": (
        b"",
        b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ),
    "interim replies of 20 kB": (b"", HINTS + b"X: " + b"y" * 20_000 + b"\r\n\r\n"),
}


@pytest.mark.untraced
@pytest.mark.parametrize("again", INTERIM.values(), ids=INTERIM.keys())
async def test_interim_replies_without_end_are_a_protocol_error_at_once(flood, connect, again):
    server = flood(b"", again)
    client = connect(server.base_url, timeout=30, retry=RetryPolicy(attempts=1))
    lookup, took, stood_still = await ended(client)
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert lookup.error.message == "the server sends interim replies (1xx) without end"
    assert in_time(took, 1)
    assert in_time(stood_still, 0.1)


@pytest.mark.untraced
@pytest.mark.parametrize(("begin", "again"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_a_reply_without_end_ends_at_the_timeout_at_the_latest(flood, connect, begin, again):
    server = flood(begin, again)
    client = connect(server.base_url, timeout=TIMEOUT, retry=RetryPolicy(attempts=1))
    lookup, took, _ = await ended(client)
    assert lookup.outcome is Outcome.FAILED
    assert isinstance(lookup.error, TransportError)
    assert in_time(took, TIMEOUT + 1)


@pytest.mark.untraced
async def test_a_flood_of_replies_is_one_reply_and_no_second(flood, connect):
    server = flood(b"", WHOLE)
    client = connect(server.base_url, timeout=30, retry=RetryPolicy(attempts=1))
    for number in range(3):
        lookup, took, stood_still = await ended(client)
        assert lookup.outcome is Outcome.OK
        assert in_time(took, 1)
        assert in_time(stood_still, 0.1)
        assert server.requests == number + 1


@pytest.mark.untraced
async def test_a_hundred_interim_replies_are_passed_over_and_counted_anew(serve, connect):
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n" * MOST_INTERIM
    server = await serve(lambda asked: [interim, *ok(asked)])
    client = connect(server)
    for number in range(3):
        assert (await client.lookup(f"{number}@example.com")).outcome is Outcome.OK
    assert (server.requests, server.connections) == (3, 1)


@pytest.mark.parametrize(
    "interim",
    [
        (HINTS + b"\r\n") * (MOST_INTERIM + 1),
        INTERIM["103 with many long fields"] * 2,
    ],
    ids=["one too many", "too many bytes"],
)
async def test_interim_replies_beyond_the_bounds_are_refused_with_a_reply_behind(
    serve, connect, interim
):
    server = await serve(lambda asked: [interim, *ok(asked)])
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ProtocolError)
    assert server.requests == lookup.attempts == server.connections == 3


@pytest.mark.untraced
@pytest.mark.parametrize("again", [b"HTTP/1.1 103 E\r\n\r\n", None], ids=["interim", "a chunk"])
def test_one_signal_ends_a_check_within_five_seconds(flood, tmp_path, transport, again):
    server = flood(CHUNKED + b"5;", b"x") if again is None else flood(b"", again)
    (tmp_path / "emails.txt").write_text("".join(f"{n}@example.com\n" for n in range(400)))
    process = subprocess.Popen(
        [*(sys.executable, "-m", "ltx_async", "check", "emails.txt", "--transport", transport)],
        cwd=tmp_path,
        env={**os.environ, "USEAPI_API": server.base_url, "USEAPI_TOKEN": TOKEN},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: server.requests)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=25)
        assert in_time(time.monotonic() - sent, 5)
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()
