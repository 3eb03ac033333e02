"""How connections are made and kept."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl as tls
from collections.abc import Coroutine
from typing import Any, Final

import aiohttp
from aiohttp import StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from attrs import frozen

from ltx_async.errors import AttemptTimeoutError, ConnectError
from ltx_async.transport.names import Resolver
from ltx_async.transport.proxies import Proxy
from ltx_async.transport.unread import unread_on

KEPT_FOR: Final = 60.0
"""Seconds for which a connection may be idle; servers and firewalls often forget it by then."""
MOST_INTERIM: Final = 100
"""Interim replies (1xx) to one request; a server has no reason for more than a few."""
INTERIM_CAP: Final = 64 << 10
"""Bytes of the interim replies to one request."""
TOO_MANY_INTERIM: Final = "the server sends interim replies (1xx) without end"
_PIECE: Final = 16 << 10  # bytes that are parsed before it is looked at what they were


@frozen(kw_only=True)
class Wiring:
    """How connections are made.

    Attributes:
        limit: the most connections at a time.
        ssl: TLS settings with a CA of one's own; None for the system's.
        proxy: the http proxy on the way; None for none.
    """

    limit: int
    ssl: tls.SSLContext | None = None
    proxy: Proxy | None = None

    def connector(self) -> Connector:
        """Open the connection pool; call it in the running loop."""
        return Connector(
            limit=self.limit,
            ttl_dns_cache=300,
            keepalive_timeout=KEPT_FOR,
            resolver=Resolver(),
            ssl=True if self.ssl is None else self.ssl,
            socket_factory=_undertaken_socket if is_uvloop(asyncio.get_running_loop()) else None,
        )


class _UndertakenSocket(socket.socket):
    """A socket whose descriptor is closed by others, never by the garbage collector.

    uvloop closes the descriptor of a connection that breaks while it is handed over, but not
    the socket object. That would later close the same number again, which may then be another
    open file.
    """

    def __del__(self) -> None:
        self.detach()


def _undertaken_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    return _UndertakenSocket(family, kind, protocol)


class FloodError(HttpProcessingError):
    """A server sends one reply after another, of which none is the awaited one."""


class ReplyHandler(ResponseHandler):
    """aiohttp's protocol of a connection, which breaks off a flood of replies.

    aiohttp queues every message of a piece, and uvloop hands many pieces over before anything
    else runs. It overrides methods of aiohttp that are not documented. If a later aiohttp does
    not call them, a flood ends at the timeout only.
    """

    _messages: int = 0
    _interim_size: int = 0
    _awaits_reply: bool = True

    def expect_reply(self) -> None:
        """Count anew: a request is to be written."""
        self._messages = self._interim_size = 0
        self._awaits_reply = True

    def data_received(self, data: bytes) -> None:
        """Parse what came: little by little until the reply begins."""
        start = 0
        while self._awaits_reply and len(data) - start > _PIECE:
            super().data_received(data[start : start + _PIECE])
            start += _PIECE
            if self.exception() is not None:
                return
        super().data_received(data[start:])

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - theirs
        """Read on where reading was paused; aiohttp asks for it at the end of every body."""
        if getattr(self, "_reading_paused", True) or getattr(self, "_buffer_paused", False):
            super().resume_reading(resume_parser)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Queue a message, unless there are too many."""
        self._messages += 1
        message, _ = data
        if message.code < 200:
            self._interim_size += sum(len(name) + len(it) for name, it in message.raw_headers)
        else:
            self._awaits_reply = False
        if self._messages <= MOST_INTERIM + 1 and self._interim_size <= INTERIM_CAP:
            super().feed_data(data, size)
        elif self.exception() is None:
            self.set_exception(FloodError(message=TOO_MANY_INTERIM))
            if self.transport is not None:
                self.transport.abort()


class PooledRequest(aiohttp.ClientRequest):
    """A request that knows its connection.

    Attributes:
        reused: whether an earlier request went over it.
        carrier: what can close it.
    """

    reused: bool = False
    carrier: ResponseHandler | None = None


class PooledResponse(aiohttp.ClientResponse):
    """A response that knows its connection, which aiohttp takes back as soon as it is read.

    Attributes:
        carrier: what can close it.
    """

    carrier: ResponseHandler | None = None


class Connector(aiohttp.TCPConnector):
    """aiohttp's pool, which tells a `PooledRequest` of its connection.

    Attributes:
        renews: whether the next request gets a new connection, even where one is idle.
    """

    renews: bool = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        handler: Any = functools.partial(ReplyHandler, loop=self._loop)
        if hasattr(self, "_factory"):  # undocumented: without it a flood ends at the timeout
            self._factory = handler

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection from the pool, or a new one.

        A pooled connection on which bytes came after its last reply is closed instead: they
        would be taken for the next reply.
        """
        while True:
            try:
                connection = await super().connect(req, traces, timeout)
            except KeyError:  # aiohttp waited for addresses that `heed` has forgotten meanwhile
                await asyncio.sleep(0)
                continue
            protocol: Any = connection.protocol
            unread = getattr(protocol, "ltx_unread", None)
            if unread is None or not (protocol.should_close or unread()):
                break
            connection.close()
        if isinstance(protocol, ReplyHandler):
            protocol.expect_reply()
        if unread is None:
            protocol.ltx_unread = unread_on(connection.transport)
        if isinstance(req, PooledRequest):
            req.reused, req.carrier = unread is not None, protocol
        return connection

    def _get(
        self, key: ConnectionKey, traces: list[Trace]
    ) -> Coroutine[Any, Any, Connection | None]:
        """Take an idle connection, unless a new one is wanted.

        It overrides an undocumented method of aiohttp. If a later aiohttp does not call it, an
        idle connection that is dead as well may be taken.
        """
        if not self.renews:
            return super()._get(key, traces)
        self.renews = False
        return _no_connection()

    def heed(self, failure: BaseException) -> None:
        """Forget the resolved addresses after a failure that other addresses may not have."""
        moved = isinstance(failure, ConnectError) and not failure.out_of_descriptors
        if moved or isinstance(failure, AttemptTimeoutError):
            self.clear_dns_cache()

    def close_at_once(self) -> None:
        """Close every connection; what `close` would wait for is left to the running loop."""
        closing = self.close()
        with contextlib.suppress(StopIteration):
            closing.send(None)
        closing.close()

    def __del__(self, _warnings: Any = None) -> None:
        """Say nothing: it is the client that nobody closed, and it says so."""


async def _no_connection() -> None:
    """Return what a pool without an idle connection does."""


def is_uvloop(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether an event loop is uvloop's."""
    return type(loop).__module__.partition(".")[0] == "uvloop"
