"""One kept-alive connection of the direct transport: a lean protocol over llhttp.

llhttp, which httptools wraps, judges the framing (RFC 9112 6 and 7): lengths that
contradict each other, bad status lines and broken chunks are its errors. It is stricter
than aiohttp, which puts up with bare line feeds, folded headers and the like. Headers are
looked at only where they matter, by a second, slower parser: see `direct_headers`.

A byte that belongs to no reply spoils the connection: the next request goes over another.
llhttp skips line ends before and after a reply silently, so these are looked for here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import httptools
from aiohttp.connector import Connection

from ltx_async.codec import Reply, Request
from ltx_async.errors import AttemptTimeoutError, LTXError, ProtocolError
from ltx_async.transport.direct_headers import (
    INFORMATIONAL,
    LINE_ENDS,
    ends_with_connection,
    may_matter,
    read_headers,
    status_line_at,
)
from ltx_async.transport.pool import INTERIM_CAP, MOST_INTERIM, TOO_MANY_INTERIM
from ltx_async.transport.protocol import OnReply
from ltx_async.transport.unread import unread_on

_HEAD_CAP: Final = 64 << 10
_NONE: Final[Mapping[str, str]] = {}
_MANY_PIECES: Final = 256  # of a body in one read
_LITTLE: Final = 8 << 10  # bytes
_OVERHEAD: Final = 1 << 20  # bytes that framing, 1xx replies and trailers may have


class DirectConnection(asyncio.BufferedProtocol):
    """A connection that carries one request at a time.

    What the loop reads goes into a buffer of the transport's that all its connections share:
    each piece is taken out before the next is read. As an `asyncio.Protocol` the loop would
    allocate 256 KiB for each read and give most of it back, three system calls a lookup.

    Attributes:
        used: whether it has carried a request before the current one.
        asked_at: the loop's time of the latest request.
        ends_at: the loop's time by which the current reply must be there.
    """

    __slots__ = (
        "_before",
        "_body",
        "_buffer",
        "_connection",
        "_dirty",
        "_flaw",
        "_head_at",
        "_interim",
        "_on_failure",
        "_on_gone",
        "_on_idle",
        "_on_reply",
        "_parser",
        "_raw",
        "_raw_at",
        "_received",
        "_request",
        "_size",
        "_status",
        "_transport",
        "_unread",
        "asked_at",
        "ends_at",
        "used",
    )

    def __init__(
        self,
        connection: Connection,
        *,
        buffer: memoryview,
        on_idle: Callable[[DirectConnection], None],
        on_failure: Callable[[LTXError], None],
        on_gone: Callable[[DirectConnection], None],
    ) -> None:
        self.used: bool = False
        self.asked_at: float = 0.0
        self.ends_at: float = 0.0
        self._dirty = False
        self._buffer = buffer
        self._connection = connection
        self._on_idle = on_idle
        self._on_failure = on_failure
        self._on_gone = on_gone
        self._flaw = ""
        self._on_reply: OnReply | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        assert connection.transport is not None
        self._transport = connection.transport
        self._take_over()
        self._unread = unread_on(self._transport)
        self._expect()

    def _take_over(self) -> None:
        """Become the protocol; uvloop calls `get_buffer` only after reading was resumed."""
        reading: Any = self._transport
        if reading.is_closing():
            reading.set_protocol(self)
            return
        reading.pause_reading()
        reading.set_protocol(self)
        reading.resume_reading()

    def _expect(self) -> None:
        """Forget the last reply, and be ready for the next one."""
        self._body: list[bytes] = []
        self._before: bytearray | None = None
        self._raw = b""
        self._head_at = self._interim = self._raw_at = self._received = self._size = 0
        self._status: int | None = None

    def ask(self, head: bytes, request: Request, on_reply: OnReply) -> None:
        """Write a request in one piece; its reply, or why there is none, goes to `on_reply`.

        The connection is idle again by then, or on its way to be closed: so another request
        may be written from there.
        """
        self._on_reply, self._request = on_reply, request
        if not self.used and self._transport.is_closing():  # else `reusable` has seen to it
            self.fail(ProtocolError("the connection was closed"))
        else:
            self._transport.write(head)

    @property
    def busy(self) -> bool:
        """Whether a reply is awaited."""
        return self._on_reply is not None

    @property
    def reusable(self) -> bool:
        """Whether another request may follow: the reply was whole and nothing came after it."""
        return (
            not self._dirty
            and self._on_reply is None
            and not self._transport.is_closing()
            and not self._unread()
        )

    def fail(self, error: LTXError) -> None:
        """End the current request, if there is one, with an error; close the connection."""
        on_reply = self._on_reply
        self.close()
        self._on_failure(error)
        if on_reply is not None:
            on_reply(error)

    def expire(self) -> None:
        """End the current request: its time is up."""
        self.fail(AttemptTimeoutError("no whole reply in time"))

    def distrust(self) -> None:
        """Close the connection: the reply to one request was that to another."""
        self.fail(ProtocolError("the replies of the connection are out of step", reused=True))

    def give_up(self, on_reply: OnReply) -> None:
        """Close the connection, unless it carries another request by now, or none."""
        if self._on_reply is on_reply:
            self.close()

    def close(self) -> None:
        """Close the connection at once; nothing more is read."""
        self._dirty = True
        self._on_reply = None
        self._transport.abort()

    # asyncio's side

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's own signature
        """Return where the loop is to read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Feed the parser with a piece of the reply; without a request, close the connection."""
        if self._on_reply is None:
            self.close()
            return
        data = self._buffer[:nbytes].tobytes()
        self._received += nbytes
        if not self._raw:
            self._raw = data
        elif not self._size:  # still in the head
            self._raw = self._raw[self._head_at :] + data
            self._raw_at += self._head_at
            self._head_at = 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._flaw = "the server wants to switch protocols"
        except httptools.HttpParserError:
            self._flaw = self._flaw or "the reply is not valid HTTP"
        if self._status is not None and not self._flaw:
            if data[-1] in LINE_ENDS and self._has_surplus(data):
                self._dirty = True
            self._complete(self._status, delimited=True)
        else:
            self._check_size()
            self._gather()

    def _gather(self) -> None:
        """Keep what has come of the body as one piece: a server may send it byte by byte.

        Little is read at a time then, as uvloop reads up to 32 times before others have a turn.
        """
        if len(self._body) > _MANY_PIECES:
            self._buffer = self._buffer[:_LITTLE]
        if self._body:
            if self._before is None:
                self._before = bytearray()
            self._before += b"".join(self._body)
            self._body.clear()

    def _check_size(self) -> None:
        if not self._size and len(self._raw) - self._head_at > _HEAD_CAP:
            self._flaw = self._flaw or "the headers are too long"
        if self._received - self._raw_at - self._head_at > self._request.body_cap + _OVERHEAD:
            self._flaw = self._flaw or "the reply goes on and on"
        if self._flaw:
            self.fail(ProtocolError(self._flaw))

    def eof_received(self) -> None:
        """Return nothing, so that asyncio closes the transport and calls `connection_lost`."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """End the current request; a reply that only the connection's end delimits is whole now."""
        self._dirty = True
        if self._on_reply is not None and exc is None and ends_with_connection(self._raw):
            self._complete(self._parser.get_status_code(), delimited=False)
        if self._on_reply is not None:
            reused = self.used and not self._received
            message = "the connection closed before the whole reply"
            self.fail(ProtocolError(message, reused=reused))
        self._parser = None
        handler = self._connection.protocol
        if handler is not None:
            handler.connection_lost(exc)
        self._connection.close()
        self._on_gone(self)

    # llhttp's side

    def on_message_begin(self) -> None:
        """Note a second message behind the reply: nobody asked for it."""
        if self._status is not None:
            self._dirty = True

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body, as long as all of it stays below the cap."""
        if self._status is not None:
            return
        self._size += len(body)
        if self._size <= self._request.body_cap:
            self._body.append(body)
        else:
            self._body.clear()
            self._before = None
            self._flaw = f"the body is over {self._request.body_cap} bytes"

    def on_message_complete(self) -> None:
        """Note that the reply is whole; a 1xx is none yet (RFC 9110 15.2)."""
        if self._status is not None:
            return
        status = self._parser.get_status_code()
        if status in INFORMATIONAL:
            # The next message may have come in the same piece: skip this 1xx and no more.
            start = status_line_at(self._raw, self._head_at)
            self._head_at = self._raw.index(b"\r\n\r\n", start) + 4
            self._interim += 1
            if self._interim > MOST_INTERIM or self._raw_at + self._head_at > INTERIM_CAP:
                self._flaw = TOO_MANY_INTERIM
                raise ProtocolError(self._flaw)  # what came with it is not parsed
        else:
            self._status = status
            self._dirty = not self._parser.should_keep_alive()

    def _complete(self, status: int, *, delimited: bool) -> None:
        """Hand the reply over, unless its headers are at fault."""
        start = self._head_at
        if self._raw[start] in LINE_ENDS:  # probably left over from an earlier reply
            self._dirty = True
            start = status_line_at(self._raw, start)
        wanted = status != 200 or self._request.headers
        in_raw = self._raw_at + len(self._raw) == self._received  # the whole body, then
        plain = not wanted and not may_matter(self._raw, start, self._size if in_raw else 0)
        headers = _NONE
        if not plain:
            headers, flaw = read_headers(self._raw)
            self._flaw = flaw or self._flaw
        if self._flaw:
            self.fail(ProtocolError(self._flaw))
            return
        on_reply, self._on_reply = self._on_reply, None
        body = b"".join(self._body if self._before is None else (self._before, *self._body))
        reply = Reply(status, headers, body, delimited, self)
        self._expect()
        if self._dirty:
            self.close()
        else:
            self.used = True
            self._on_idle(self)
        if on_reply is not None:
            on_reply(reply)

    def _has_surplus(self, data: bytes) -> bool:
        """Whether line ends follow the reply in the piece that it ends in."""
        head_at = status_line_at(self._raw, self._head_at)
        body_at = self._raw.find(b"\r\n\r\n", head_at) + 4
        if b"transfer-encoding" in self._raw[head_at:body_at].lower():
            return len(data) - len(data.rstrip(b"\r\n")) > len(b"\r\n\r\n")
        return self._raw_at + body_at + self._size < self._received
