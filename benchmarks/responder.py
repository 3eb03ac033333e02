"""A raw asyncio responder: the API's account reply with latency or a rate limit, and little else.

It stands in for nginx where that is missing, and serves the sections that need a slow or a strict
server. ``python -m benchmarks.responder --latency 0.05`` prints its port and serves until it is
ended. It parses only what the benchmark's clients send: GET requests without a body.
"""

import argparse
import asyncio
import json
import time
from typing import cast
from urllib.parse import unquote_to_bytes

from attrs import define, field

from benchmarks.loops import run_on_fastest
from benchmarks.reply import EMAIL_MARK, REPLIES

STATS_PATH = b"/stats"
BURST = 10  # requests that a strict server forgives beyond the even pace

_REPLIES = {
    name.encode(): tuple(part.encode() for part in text.split(EMAIL_MARK))
    for name, text in REPLIES.items()
}


@define
class EvenPace:
    """A rate limit by the generic cell rate algorithm: ``rate`` a second and a small burst."""

    rate: float
    _due: float = 0.0

    def allows(self, now: float) -> bool:
        """Say whether a request at ``now`` (seconds) is within the rate, and count it if so."""
        due = max(self._due, now)
        if due - now > BURST / self.rate:
            return False
        self._due = due + 1 / self.rate
        return True


@define
class Desk:
    """What all connections share: the delay, the limit, and the counts of what was answered."""

    latency: float = 0.0
    pace: EvenPace | None = None
    counts: dict[int, int] = field(factory=lambda: {200: 0, 429: 0})

    def answer(self, target: bytes, now: float) -> bytes:
        """Return the whole reply to a request for ``target`` that arrived at ``now``."""
        if target == STATS_PATH:
            return _reply(b"200 OK", json.dumps(self.counts).encode())
        if self.pace is not None and not self.pace.allows(now):
            self.counts[429] += 1
            slow_down = b'{"error": "Too many requests", "code": 429}'
            return _reply(b"429 Too Many Requests", slow_down, b"Retry-After: 1\r\n")
        self.counts[200] += 1
        email = unquote_to_bytes(target.rpartition(b"/")[2])
        first, _, _ = target[1:].partition(b"/")
        head, tail = _REPLIES.get(first, _REPLIES[b"plain"])
        return _reply(b"200 OK", head + email + tail)


@define(eq=False)
class Connection(asyncio.Protocol):
    """One keep-alive connection: requests in, replies out in the same order."""

    desk: Desk
    loop: asyncio.AbstractEventLoop
    _transport: asyncio.Transport | None = None
    _unread: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport that the replies go to."""
        # A cast: uvloop's transports do what asyncio.Transport says without deriving from it.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget the transport; replies still under way are dropped."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer every whole request head in what has arrived."""
        *heads, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for head in heads:
            target = head.split(b" ", 2)[1]
            reply = self.desk.answer(target, time.monotonic())
            if self.desk.latency:
                self.loop.call_later(self.desk.latency, self._send, reply)
            else:
                self._send(reply)

    def _send(self, reply: bytes) -> None:
        if self._transport is not None:
            self._transport.write(reply)


def _reply(status: bytes, body: bytes, extra_headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s" % (
        status,
        len(body),
        extra_headers,
        body,
    )


async def serve(desk: Desk) -> None:
    """Serve on a free loopback port, print the port as the first line, and go on until ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(desk, loop), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the two settings from the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--rate", type=float, default=0.0, metavar="PER_SECOND")
    options = parser.parse_args()
    desk = Desk(options.latency, EvenPace(options.rate) if options.rate else None)
    run_on_fastest(serve(desk))


if __name__ == "__main__":
    main()
