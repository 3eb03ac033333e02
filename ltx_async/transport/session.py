"""The aiohttp session manager: owns or borrows a `ClientSession`, sends one GET at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import (
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    StreamReader,
)
from aiohttp.client_proto import ResponseHandler
from attrs import define, field
from multidict import CIMultiDict, CIMultiDictProxy

from ltx_async.codec import Reply, Request
from ltx_async.errors import ConfigurationError, LTXError, ProtocolError
from ltx_async.transport.endpoint import KEPT_HEADERS, Endpoint
from ltx_async.transport.failures import translated
from ltx_async.transport.pool import Connector, PooledRequest, PooledResponse, Wiring
from ltx_async.transport.proxies import Proxy
from ltx_async.transport.time_limits import TimeLimits

__all__ = ["ClientSession", "SessionTransport"]
_LARGE_BLOCK: Final = 1 << 20  # bytes; four times what asyncio reads at a time
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)


class _ConnectionLostError(Exception):
    """A connection broke; aiohttp repeats a request for its own errors, but not for this one.

    Attributes:
        reused: whether it was a kept one, and nothing of the reply had come.
    """

    def __init__(self, *, reused: bool) -> None:
        super().__init__()
        self.reused = reused


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from re-sending a GET silently after a disconnect.

    Its session repeats an idempotent request once when it sees `ClientOSError` or
    `ServerDisconnectedError`; behind a middleware it sees neither.
    """
    try:
        response = await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except aiohttp.ServerDisconnectedError as error:
        unread = isinstance(error.message, str)  # else it is the part of the reply that came
    except aiohttp.ClientOSError:
        unread = True
    else:
        if isinstance(response, PooledResponse) and isinstance(request, PooledRequest):
            response.carrier = request.carrier
        return response
    raise _ConnectionLostError(
        reused=unread and isinstance(request, PooledRequest) and request.reused
    )


@define(eq=False)
class SessionTransport:
    """Sends requests over a `ClientSession`, which opens with the first of them.

    Attributes:
        endpoint: where requests go.
        wiring: how connections are made, for a session of our own.
        borrowed: somebody else's session, used as it is and never closed here.
    """

    endpoint: Endpoint
    wiring: Wiring
    borrowed: ClientSession | None = None
    _own: ClientSession | None = field(init=False, default=None)
    _pool: Connector | None = field(init=False, default=None)
    _headers: CIMultiDict[str] = field(init=False, repr=False)
    _session_headers: CIMultiDict[str] | None = field(init=False, repr=False, default=None)
    _proxy_headers: dict[str, str] | None = field(init=False, repr=False, default=None)
    _time_limits: TimeLimits = field(init=False, factory=TimeLimits)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.borrowed, ClientSession | None):
            raise ConfigurationError(
                f"session must be a ClientSession of aiohttp, not {type(self.borrowed).__name__}",
                hint="Leave it out: the client opens a session of its own.",
            )
        if self.borrowed is not None and self.borrowed.auth is not None:
            raise ConfigurationError(
                "the borrowed session has credentials of its own (auth=)",
                hint="Requests carry the API token: lend a session without auth.",
            )
        headers = self.endpoint.headers()
        if (proxy := self.wiring.proxy) is None and self.borrowed is None:
            # What all requests share, but never the token; a proxy would get it, too.
            shared = {name: headers.pop(name) for name in [*headers] if name != "Authorization"}
            self._session_headers = CIMultiDict(shared)
        self._headers = CIMultiDict(headers)
        if proxy is None:
            return
        if self.endpoint.base.scheme == "http":  # no tunnel: the proxy reads the request
            self._headers.update(proxy.headers)
        else:
            self._proxy_headers = proxy.headers

    async def send(self, request: Request, timeout: float) -> Reply:
        """Write one request and return its reply, whatever the status.

        Args:
            request: what to ask for, and how large the answer may be.
            timeout: seconds for all of it, the body included.

        Raises:
            TransportError: no whole reply came.
            CertificateError: the server's certificate does not verify.
        """
        failure: BaseException
        try:
            with self._time_limits.limit(timeout):
                return await self._exchange(request)
        except asyncio.CancelledError as error:
            # aiohttp's frames hold the headers: leave them out of the traceback.
            failure = error.with_traceback(None)
            failure.__context__ = None
        except LTXError as error:
            failure = error.with_traceback(None)
        except _ConnectionLostError as error:
            message = "the connection closed before the whole reply"
            failure = ProtocolError(message, reused=error.reused)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = translated(error)
            if self._pool is not None:
                self._pool.heed(failure)
        raise failure

    @property
    def post(self) -> None:
        """None: aiohttp's session can only be used from coroutines."""

    async def _exchange(self, request: Request) -> Reply:
        response = await self._session().get(
            self.endpoint.url(request.target),
            headers=self._headers if request.fields is None else self._with_fields(request),
            proxy_headers=self._proxy_headers,
            allow_redirects=False,
            raise_for_status=False,
            timeout=_NO_TIMEOUT,
            middlewares=(_send_once,),
        )
        try:
            return await _reply(response, request)
        except BaseException:
            response.close()
            raise

    def _with_fields(self, request: Request) -> CIMultiDict[str]:
        """Return the headers of a request that has fields of its own."""
        return CIMultiDict({**self._headers, **(request.fields or {})})

    def discard(self, reply: Reply) -> None:
        """Close the connection that brought a reply.

        Which connection of a borrowed session it was is not known here.
        """
        if self._pool is not None and isinstance(reply.carrier, ResponseHandler):
            reply.carrier.abort()

    def renew(self) -> None:
        """Send the next request over a new connection; a borrowed session has its own way."""
        if self._pool is not None:
            self._pool.renews = True

    def _session(self) -> ClientSession:
        if self.borrowed is not None:
            if self.borrowed.closed:
                raise ConfigurationError(
                    "the borrowed session is closed",
                    hint="Close it after the client, or let the client open its own.",
                )
            return self.borrowed
        if self._own is None:
            self._pool = self.wiring.connector()
            self._own = open_session(self._pool, self.wiring.proxy, self._session_headers)
        return self._own

    async def aclose(self) -> None:
        """Close the session if it is our own; safe to repeat."""
        self._time_limits.stop()
        if self._own is not None:
            session, self._own = self._own, None
            await session.close()

    @property
    def is_open(self) -> bool:
        """Whether there is a session of our own."""
        return self._own is not None

    def abandon(self) -> None:
        """Close our own session without a wait."""
        self._time_limits.stop()
        if self._own is not None and self._pool is not None:
            self._own.detach()
            self._pool.close_at_once()
            self._own = None


def open_session(
    pool: Connector, proxy: Proxy | None, headers: Mapping[str, str] | None
) -> ClientSession:
    """Open a session of our own, whose requests have these headers; call it in the running loop."""
    _keep_read_blocks_in_the_heap()
    return ClientSession(
        connector=pool,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        auto_decompress=False,
        proxy=None if proxy is None else proxy.url,
        request_class=PooledRequest,
        response_class=PooledResponse,
    )


def _keep_read_blocks_in_the_heap() -> None:
    """Allocate one large block, and drop it.

    asyncio allocates 256 KiB for each read and returns what the reply does not fill. glibc
    asks the system for each such block anew, in three calls, until a larger one that it had
    from the system was freed: from then on it takes blocks up to that size from its heap
    (mallopt(3), M_MMAP_THRESHOLD). That saves a tenth of a lookup; it does nothing elsewhere.
    """
    bytes(_LARGE_BLOCK)


def _headers(response: ClientResponse, request: Request) -> dict[str, str]:
    """Return the headers that errors and waits need; of a 200 only where the request wants them."""
    if response.status == 200 and not request.headers:
        return {}
    headers = response.headers
    return {name: ", ".join(headers.getall(name)) for name in KEPT_HEADERS if name in headers}


async def _reply(response: ClientResponse, request: Request) -> Reply:
    """Read a reply to its end, and refuse one that is coded, too large or cut off."""
    headers, cap = response.headers, request.body_cap
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        raise ProtocolError("the server wants to switch protocols")
    coding = _joined(headers, "Content-Encoding") if "Content-Encoding" in headers else ""
    if coding not in {"identity", ""}:
        raise ProtocolError("the reply has a Content-Encoding that was not asked for")
    coded = "Transfer-Encoding" in headers
    if coded and _joined(headers, "Transfer-Encoding") != "chunked":
        raise ProtocolError("the reply has a transfer coding that was not asked for")
    length = response.content_length
    if length is not None and length > cap:
        raise ProtocolError(f"the body is over {cap} bytes")
    # RFC 9112 6.3: without a length and without chunks the connection's end ends the body.
    connection = response.connection  # None where the reply is a mock
    delimited = length is not None or coded or connection is None
    protocol = None if connection is None else connection.protocol
    body = await _body(response.content, cap)
    if not (delimited or protocol is None or _ended_well(protocol.exception())):
        raise ProtocolError("the connection broke before the end of the reply")
    carrier = getattr(response, "carrier", None)
    return Reply(response.status, _headers(response, request), body, delimited, carrier)


def _joined(headers: CIMultiDictProxy[str], name: str) -> str:
    """Return all values of a header as one, in lower case; empty without one."""
    return ", ".join(headers.getall(name, ())).lower()


def _ended_well(why: BaseException | None) -> bool:
    """Whether a connection was closed, not reset; aiohttp takes both for a body's end."""
    return why is None or isinstance(why, aiohttp.ServerDisconnectedError)


async def _body(content: StreamReader, cap: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while not content.at_eof():
        chunk = await content.readany()
        size += len(chunk)
        if size > cap:
            raise ProtocolError(f"the body is over {cap} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
