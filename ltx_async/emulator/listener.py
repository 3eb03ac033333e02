"""The listening socket and its life: one listener from start to stop."""

import asyncio
import ssl
from typing import Final

from aiohttp import web
from attrs import define, field

from ltx_async.emulator.connections import Connections, CountingServer, RequestHandler

_SHUTDOWN_GRACE: Final = 0.02
_ACCEPT_STEPS: Final = 4  # turns of the loop from a socket's acceptance to `connection_made`
_BACKLOG: Final = 1024


@define
class Listener:
    """Serves `handler` on a host and port until it is stopped.

    Args:
        handler: answers one request.
        connections: is told of every connection.
    """

    handler: RequestHandler
    connections: Connections
    _runner: web.ServerRunner = field(init=False)

    async def start(self, host: str, port: int, *, ssl_context: ssl.SSLContext | None) -> int:
        """Listen, and return the port, which the system chose when `port` is 0.

        Raises:
            OSError: the address cannot be used.
        """
        server = CountingServer(self.handler, self.connections)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_GRACE)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=ssl_context, backlog=_BACKLOG)
        await site.start()
        return site.port

    async def stop(self) -> None:
        """Stop listening, give answers under way a moment, then cut every connection."""
        await self._runner.cleanup()
        for _ in range(_ACCEPT_STEPS):  # who was being accepted is cut too
            await asyncio.sleep(0)
        await self.connections.abort()
