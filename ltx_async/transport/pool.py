"""How connections are made and kept."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl as tls
from collections.abc import Coroutine
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from attrs import frozen

from ltx_async.errors import AttemptTimeoutError, ConnectError
from ltx_async.transport.names import Resolver
from ltx_async.transport.proxies import Proxy
from ltx_async.transport.unread import unread_on

KEPT_FOR: Final = 60.0
"""Seconds for which a connection may be idle; servers and firewalls often forget it by then."""


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
