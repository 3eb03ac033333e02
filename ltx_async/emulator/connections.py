"""The listening socket and its connections: counted, and answered in one of two ways.

A plain request is answered in the callback in which its bytes arrive, at a fifth of the cost of a
web framework. From the first request that is not plain on, aiohttp serves the connection. Both
call the same `decide` to choose the answer.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, cast

from aiohttp import web
from attrs import define, field

from ltx_async.emulator.exchange import Exchange, Request
from ltx_async.emulator.plain import read_request, reply

_SHUTDOWN_GRACE: Final = 0.02
_ACCEPT_STEPS: Final = 4  # turns of the loop from a socket's acceptance to `connection_made`
_BACKLOG: Final = 1024

Decide = Callable[[Request], Exchange]
Deliver = Callable[[Exchange, web.BaseRequest], Awaitable[web.StreamResponse]]


@define
class Connections:
    """Open client connections, with the number ever opened and the most at one time."""

    opened: int = 0
    peak: int = 0
    transports: dict[asyncio.BaseProtocol, asyncio.Transport] = field(factory=dict, init=False)

    def add(self, protocol: asyncio.BaseProtocol, transport: asyncio.Transport) -> None:
        """Count a new connection."""
        self.transports[protocol] = transport
        self.opened += 1
        self.peak = max(self.peak, len(self.transports))

    def drop(self, protocol: asyncio.BaseProtocol) -> None:
        """Take a closed connection off the list."""
        self.transports.pop(protocol, None)

    async def abort(self) -> None:
        """Cut what is still open, and wait until the loop has let go of it."""
        while self.transports:
            for transport in list(self.transports.values()):
                transport.abort()
            await asyncio.sleep(0)


class WebServer(web.Server):
    """The low-level aiohttp server, for whatever is not plain.

    Args:
        decide: says what a request is answered with.
        deliver: answers a request so.
    """

    def __init__(self, decide: Decide, deliver: Deliver) -> None:
        super().__init__(self._answer, handler_cancellation=True, access_log=None)
        self._decide = decide
        self._deliver = deliver
        self._decided: dict[web.RequestHandler, Exchange] = {}

    def take_over(
        self, transport: asyncio.Transport, data: bytes, decided: Exchange | None
    ) -> web.RequestHandler:
        """Serve a connection from `data` on; its first request may have been `decided` already."""
        handler = self()
        if decided is not None:
            self._decided[handler] = decided
        handler.connection_made(transport)
        handler.data_received(data)
        return handler

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Forget what can no longer be answered."""
        super().connection_lost(handler, exc)
        self._decided.pop(handler, None)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        decided = self._decided.pop(request.protocol, None)
        if decided is None:
            decided = self._decide(Request(request.method, request.raw_path, request.headers))
        return await self._deliver(decided, request)


@define(eq=False)
class Connection(asyncio.Protocol):
    """One client's connection: plain for as long as its requests are, then `web`'s."""

    _decide: Decide
    _web: WebServer
    _connections: Connections
    _transport: asyncio.Transport = field(init=False)
    _handler: web.RequestHandler | None = field(default=None, init=False)
    _full: bool = field(default=False, init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection in."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self, self._transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count the connection out."""
        self._connections.drop(self)
        if self._handler is not None:
            self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer what is plain, and hand the connection over at what is not."""
        if self._handler is not None:
            self._handler.data_received(data)
            return
        start = 0
        while start < len(data):
            read = read_request(data, start)
            decided = None if read is None else self._decided(read[0])
            said = None if decided is None else decided.plain
            if read is None or said is None:
                self._handler = self._web.take_over(self._transport, data[start:], decided)
                return
            self._transport.write(reply(said))
            start = read[1]

    def _decided(self, request: Request) -> Exchange | None:
        try:
            return self._decide(request)
        except (TypeError, ValueError):  # not JSON: aiohttp answers with a 500
            return None

    def pause_writing(self) -> None:
        """Read no further requests while the client takes no replies."""
        if self._handler is not None:
            self._handler.pause_writing()
        else:
            self._full = True
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on once it does."""
        if self._full:
            self._full = False
            self._transport.resume_reading()
        elif self._handler is not None:
            self._handler.resume_writing()


@define
class Listener:
    """Serves on a host and port until it is stopped.

    Args:
        decide: says what a request is answered with.
        deliver: sends the answers of requests that are not plain.
        connections: is told of every connection.
    """

    decide: Decide
    deliver: Deliver
    connections: Connections
    _web: WebServer = field(init=False)
    _server: asyncio.Server = field(init=False)
    _socket: socket.socket = field(init=False)

    async def start(self, host: str, port: int, *, ssl_context: ssl.SSLContext | None) -> int:
        """Listen, and return the port, which the system chose when `port` is 0.

        Raises:
            OSError: the address cannot be used.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._web = web = WebServer(self.decide, self.deliver)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self.decide, web, self.connections),
            sock=self._socket,
            ssl=ssl_context,
            backlog=_BACKLOG,
        )
        return int(self._socket.getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, give answers under way a moment, then cut every connection."""
        with contextlib.suppress(NotImplementedError):  # not on every event loop
            asyncio.get_running_loop().remove_reader(self._socket)
        await _connections_made()  # else asyncio would drop these without closing them
        self._server.close()
        await self._web.shutdown(_SHUTDOWN_GRACE)
        await _connections_made()
        await self.connections.abort()


async def _connections_made() -> None:
    """Wait until sockets that are being accepted have become connections that can be cut."""
    for _ in range(_ACCEPT_STEPS):
        await asyncio.sleep(0)
