"""Counting connections: how many are open, how many there were."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from attrs import define, field

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@define
class Connections:
    """Open client connections, with the number ever opened and the most at one time."""

    opened: int = 0
    peak: int = 0
    transports: dict[web.RequestHandler, asyncio.Transport] = field(factory=dict, init=False)

    def add(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Count a new connection."""
        self.transports[handler] = transport
        self.opened += 1
        self.peak = max(self.peak, len(self.transports))

    def drop(self, handler: web.RequestHandler) -> None:
        """Take a closed connection off the list."""
        self.transports.pop(handler, None)

    async def abort(self) -> None:
        """Cut what is still open, and wait until the loop has let go of it."""
        while self.transports:
            for transport in list(self.transports.values()):
                transport.abort()
            await asyncio.sleep(0)


class CountingServer(web.Server):
    """The low-level aiohttp server, telling `connections` of each connection."""

    def __init__(self, handler: RequestHandler, connections: Connections) -> None:
        super().__init__(handler, handler_cancellation=True, access_log=None)
        self._open = connections

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Count the connection in."""
        super().connection_made(handler, transport)
        self._open.add(handler, transport)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Count the connection out."""
        super().connection_lost(handler, exc)
        self._open.drop(handler)
