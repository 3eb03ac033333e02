"""The listening socket and its life: one listener from start to stop."""

import asyncio
import contextlib
import socket
import ssl
from typing import Final

from attrs import define, field

from ltx_async.emulator.connections import Connection, Connections, Decide, Deliver, WebServer

_SHUTDOWN_GRACE: Final = 0.02
_ACCEPT_STEPS: Final = 4  # turns of the loop from a socket's acceptance to `connection_made`
_BACKLOG: Final = 1024


@define
class Listener:
    """Serves on a host and port until it is stopped.

    Args:
        decide: says what a request is answered with.
        deliver: answers so what is not plain.
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
        await _connections_made()  # asyncio would drop them, unclosed, once the server is closed
        self._server.close()
        await self._web.shutdown(_SHUTDOWN_GRACE)
        await _connections_made()
        await self.connections.abort()


async def _connections_made() -> None:
    """Let those whom the loop is accepting become connections, which then can be cut."""
    for _ in range(_ACCEPT_STEPS):
        await asyncio.sleep(0)
