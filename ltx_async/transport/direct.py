"""The fast transport: one prepared write, a lean parser, connections from aiohttp's connector."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import aiohttp
from aiohttp import ClientRequest
from attrs import define, field

from ltx_async.codec import Reply, Request
from ltx_async.errors import ConfigurationError, LTXError
from ltx_async.transport.direct_connection import DirectConnection
from ltx_async.transport.endpoint import Endpoint, as_lines
from ltx_async.transport.failures import translated
from ltx_async.transport.pool import KEPT_FOR, Connector, Wiring
from ltx_async.transport.protocol import OnReply
from ltx_async.transport.time_limits import TimeLimits

_GOODBYE: Final = 1.0  # seconds that the loop gets to report closed connections as closed
_BUFFER: Final = 256 << 10  # bytes that are read at a time, as asyncio has it
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)


@define(eq=False)
class DirectTransport:
    """Sends requests over connections of its own, which it takes from aiohttp's connector.

    DNS, Happy Eyeballs, TLS and proxy tunnels are aiohttp's; what is written and read
    is not.

    Attributes:
        endpoint: where requests go.
        wiring: how connections are made.

    Raises:
        ConfigurationError: plain http would have to go through a proxy, which only the
            session transport does.
    """

    endpoint: Endpoint
    wiring: Wiring
    _prefix: bytes = field(init=False, repr=False)
    _suffix: bytes = field(init=False, repr=False)
    _connector: Connector | None = field(init=False, default=None)
    _connections: set[DirectConnection] = field(init=False, factory=set)
    _idle: list[DirectConnection] = field(init=False, factory=list)
    _buffer: memoryview | None = field(init=False, default=None, repr=False)
    _renews: bool = field(init=False, default=False)
    _time_limits: TimeLimits = field(init=False, factory=TimeLimits)
    _all_gone: asyncio.Future[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        base = self.endpoint.base
        if self.wiring.proxy is not None and base.scheme == "http":
            raise ConfigurationError(
                "the direct transport does not send plain http through a proxy",
                hint="Use https, or transport='session' (--transport session).",
            )
        self._prefix = f"GET {base.raw_path.rstrip('/')}".encode()
        self._suffix = self.endpoint.head().encode()

    async def send(self, request: Request, timeout: float) -> Reply:
        """Write one request and return its reply, whatever the status.

        Args:
            request: what to ask for, and how large the answer may be.
            timeout: seconds for all of it, the body included.

        Raises:
            TransportError: no whole reply came.
            CertificateError: the server's certificate does not verify.
        """
        loop = self._time_limits.loop
        now = loop.time()
        connection = self._idle_connection(now) or await self._connect(timeout)
        reply: asyncio.Future[Reply] = loop.create_future()
        on_reply = partial(_settle, reply)
        self._ask(connection, request, now, timeout, on_reply)
        try:
            return await reply
        except BaseException:
            connection.give_up(on_reply)
            raise

    def post(
        self, request: Request, timeout: float, on_reply: OnReply
    ) -> Callable[[], None] | None:
        """Write one request over an idle connection, if there is one; see `Post`."""
        now = self._time_limits.loop.time()
        connection = self._idle_connection(now)
        if connection is None:
            return None
        self._ask(connection, request, now, timeout, on_reply)
        return connection.close

    def _ask(
        self,
        connection: DirectConnection,
        request: Request,
        now: float,
        timeout: float,
        on_reply: OnReply,
    ) -> None:
        connection.asked_at = now
        connection.ends_at = now + timeout
        self._time_limits.start()
        # The head contains the token: no local may hold it, as a traceback may show this frame.
        if request.fields is None:
            connection.ask(
                self._prefix + request.target.encode("ascii") + self._suffix, request, on_reply
            )
        else:
            connection.ask(self._with_fields(request), request, on_reply)

    def _with_fields(self, request: Request) -> bytes:
        """Return the head of a request that has header fields of its own."""
        fields = as_lines(request.fields or {}).encode("ascii")
        return b"%b%b%b%b\r\n" % (
            self._prefix,
            request.target.encode("ascii"),
            self._suffix[: -len(b"\r\n")],
            fields,
        )

    def discard(self, reply: Reply) -> None:
        """Close the connection that brought a reply."""
        if isinstance(reply.carrier, DirectConnection):
            reply.carrier.distrust()

    def renew(self) -> None:
        """Send the next request over a new connection: those that are idle may be dead."""
        self._renews = True

    def _idle_connection(self, now: float) -> DirectConnection | None:
        """Take an idle connection, unless a new one is wanted."""
        if self._renews:
            self._renews = False
            return None
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and now - connection.asked_at < KEPT_FOR:
                return connection
            connection.close()
        return None

    # Connections

    async def _connect(self, timeout: float) -> DirectConnection:
        """Open a connection in time; errors of aiohttp become ours, without its frames."""
        failure: BaseException
        try:
            with self._time_limits.limit(timeout):
                return await self._opened()
        except asyncio.CancelledError as error:
            failure = error.with_traceback(None)
            failure.__context__ = None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = translated(error)
            self._heed(failure)
        raise failure

    def _heed(self, failure: BaseException) -> None:
        if self._connector is not None:
            self._connector.heed(failure)

    async def _opened(self) -> DirectConnection:
        if self._connector is None:
            self._connector = self.wiring.connector()
        proxy = self.wiring.proxy
        request = ClientRequest(
            "GET",
            self.endpoint.base,
            loop=asyncio.get_running_loop(),
            proxy=None if proxy is None else proxy.url,
            proxy_headers=None if proxy is None else proxy.headers,
        )
        pooled = await self._connector.connect(request, [], _NO_TIMEOUT)
        if self._buffer is None:
            self._buffer = memoryview(bytearray(_BUFFER))
        connection = DirectConnection(
            pooled,
            buffer=self._buffer,
            on_idle=self._idle.append,
            on_failure=self._heed,
            on_gone=self._forget,
        )
        self._connections.add(connection)
        self._time_limits.attempts.add(connection)
        return connection

    def _forget(self, connection: DirectConnection) -> None:
        self._connections.discard(connection)
        self._time_limits.attempts.discard(connection)
        if not self._connections and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)
        if connection in self._idle:
            self._idle.remove(connection)

    async def aclose(self) -> None:
        """Close every connection; safe to repeat."""
        self._time_limits.stop()
        if self._connections:
            self._all_gone = asyncio.get_running_loop().create_future()
            closed = ConfigurationError(
                "the client was closed before the reply came",
                hint="Await what is under way before closing it.",
            )
            for connection in tuple(self._connections):
                connection.fail(closed)
            await asyncio.wait((self._all_gone,), timeout=_GOODBYE)
        if self._connector is not None:
            connector, self._connector = self._connector, None
            await connector.close()

    @property
    def is_open(self) -> bool:
        """Whether a connection was ever opened and not closed for good."""
        return self._connector is not None

    def abandon(self) -> None:
        """Close every connection without a wait."""
        self._time_limits.stop()
        for connection in tuple(self._connections):
            connection.close()
        if self._connector is not None:
            self._connector.close_at_once()
            self._connector = None


def _settle(future: asyncio.Future[Reply], reply: Reply | LTXError) -> None:
    """Give what came to whoever awaits it."""
    if future.done():
        return
    if isinstance(reply, Reply):
        future.set_result(reply)
    else:
        future.set_exception(reply)
