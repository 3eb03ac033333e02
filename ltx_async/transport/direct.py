"""The fast lane: one prepared write, one lean parser, connections from aiohttp's connector."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp
from aiohttp import ClientRequest
from attrs import define, field
from yarl import URL

from ltx_async.codec import Reply, Request
from ltx_async.errors import AttemptTimeoutError, ConfigurationError
from ltx_async.transport.connection import (
    STALLED,
    Connector,
    Endpoint,
    Wiring,
    time_limit,
)
from ltx_async.transport.failures import translated
from ltx_async.transport.lane import Lane

_TICK: Final = 0.1  # seconds between looks at the deadlines
_IDLE_LIMIT: Final = 60.0  # seconds after which a kept-alive connection is not trusted any more
_GOODBYE: Final = 1.0  # seconds that closed connections get to say so
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)


@define(eq=False)
class DirectTransport:
    """Sends requests over connections of its own, which it takes from aiohttp's connector.

    DNS, Happy Eyeballs, TLS and proxy tunnels are aiohttp's; what is written and read
    is not. One look at the clock every tenth of a second serves all deadlines.

    Attributes:
        endpoint: where requests go.
        wiring: how connections are made.

    Raises:
        ConfigurationError: plain http would have to go through a proxy, which only the
            session transport does.
    """

    endpoint: Endpoint
    wiring: Wiring
    _proxy: URL | None = field(init=False, repr=False)
    _prefix: bytes = field(init=False, repr=False)
    _suffix: bytes = field(init=False, repr=False)
    _connector: Connector | None = field(init=False, default=None)
    _lanes: set[Lane] = field(init=False, factory=set)
    _idle: list[Lane] = field(init=False, factory=list)
    _timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _all_gone: asyncio.Future[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        base = self.endpoint.base
        proxy = self.wiring.proxy_to(base)
        if proxy is not None and base.scheme == "http":
            raise ConfigurationError(
                "the direct transport does not send plain http through a proxy",
                hint="Use https, or transport='session'.",
            )
        self._proxy = None if proxy is None else URL(proxy)
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
        loop = asyncio.get_running_loop()
        now = loop.time()
        lane = self._idle_lane(now) or await self._connect(timeout)
        reply: asyncio.Future[Reply] = loop.create_future()
        lane.ends_at = now + timeout
        lane.ask(self._head(request), request, reply)
        if self._timer is None:
            self._timer = loop.call_later(_TICK, self._tick, loop.time() + _TICK)
        try:
            return await reply
        finally:
            if lane.reusable:
                lane.idle_since = now  # at the latest
                self._idle.append(lane)
            else:
                lane.close()

    def _head(self, request: Request) -> bytes:
        """Put the token on a request for the one origin that lanes lead to."""
        return self._prefix + request.target.encode("ascii") + self._suffix

    def _idle_lane(self, now: float) -> Lane | None:
        while self._idle:
            lane = self._idle.pop()
            if lane.reusable and now - lane.idle_since < _IDLE_LIMIT:
                return lane
            lane.close()
        return None

    # Connections

    async def _connect(self, timeout: float) -> Lane:
        """Open a connection, and trade aiohttp's protocol for a lean one."""
        failure: BaseException
        try:
            async with time_limit(timeout):
                return await self._lane()
        except asyncio.CancelledError as error:
            failure = error.with_traceback(None)
            failure.__context__ = None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = translated(error)
        raise failure

    async def _lane(self) -> Lane:
        if self._connector is None:
            self._connector = self.wiring.connector()
        request = ClientRequest(
            "GET", self.endpoint.base, loop=asyncio.get_running_loop(), proxy=self._proxy
        )
        connection = await self._connector.connect(request, [], _NO_TIMEOUT)
        lane = Lane(connection, self._forget)
        self._lanes.add(lane)
        return lane

    def _forget(self, lane: Lane) -> None:
        self._lanes.discard(lane)
        if not self._lanes and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)
        if lane in self._idle:
            self._idle.remove(lane)

    # Deadlines

    def _tick(self, due: float) -> None:
        """Fail what is overdue; time in which the process stood still does not count."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        stood_still = now - due if now - due > STALLED else 0.0
        busy = [lane for lane in self._lanes if lane.busy]
        for lane in busy:
            lane.ends_at += stood_still
            if lane.ends_at <= now:
                lane.fail(AttemptTimeoutError("no whole reply in time"))
        self._timer = loop.call_later(_TICK, self._tick, now + _TICK) if busy else None

    async def aclose(self) -> None:
        """Close every connection; safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lanes:
            self._all_gone = asyncio.get_running_loop().create_future()
            closed = ConfigurationError("the client was closed before the reply came")
            for lane in tuple(self._lanes):
                lane.fail(closed)
            await asyncio.wait((self._all_gone,), timeout=_GOODBYE)
        if self._connector is not None:
            connector, self._connector = self._connector, None
            await connector.close()
