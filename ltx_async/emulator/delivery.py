"""How an answer, or a broken one, gets onto the wire."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final

from aiohttp import web

from ltx_async.emulator.exchange import Answer, Listing
from ltx_async.emulator.steps import Close, Delay, Garbage, Reset, Status, Step, Truncate, as_step

_JSON: Final = "application/json; charset=utf-8"
_SLOW_PIECES: Final = 10
# With a linger time of zero, closing a socket sends RST instead of FIN (socket(7)).
_LINGER_NONE: Final = struct.pack("ii", 1, 0)
_RESET_PAUSE: Final = 0.01


async def deliver(
    step: Step | None, answer: Answer, *, request: web.BaseRequest
) -> web.StreamResponse:
    """Answer `request` as `step` says, which is with the true `answer` when there is none."""
    match step:
        case None:
            return await _send(answer, request)
        case Status():
            return await _send(step, request)
        case Delay():
            await asyncio.sleep(step.seconds)
            then = None if step.then is None else as_step(step.then)
            return await deliver(then, answer, request=request)
        case Reset():
            return await _reset(request, step.after)
        case Close():
            return _hang_up(request, step.after)
        case Garbage():
            return _hang_up(request, step.data)
        case Truncate():
            return _hang_up(request, _cut_short(_whole(answer), step.missing))
    return await _drip(_whole(answer), step.seconds, request=request)


def _whole(answer: Answer) -> Status:
    return answer.whole() if isinstance(answer, Listing) else answer


async def _send(answer: Answer, request: web.BaseRequest) -> web.StreamResponse:
    if isinstance(answer, Listing):
        return await _stream(answer, request)
    return web.Response(status=answer.status, body=answer.body or None, headers=_headers(answer))


def _headers(answer: Status) -> dict[str, str]:
    content_type = answer.content_type
    return (
        dict(answer.headers)
        if content_type is None
        else {"Content-Type": content_type, **answer.headers}
    )


async def _stream(listing: Listing, request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(status=listing.status, headers={"Content-Type": _JSON})
    with suppress(ConnectionResetError):  # a client may leave before the end
        await response.prepare(request)
        for piece in listing.pieces:
            await response.write(piece)
            await asyncio.sleep(0)
    return response


async def _drip(answer: Status, seconds: float, *, request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=_headers(answer))
    response.content_length = len(answer.body)
    size = max(1, len(answer.body) // _SLOW_PIECES)
    with suppress(ConnectionResetError):
        await response.prepare(request)
        for start in range(0, len(answer.body), size):
            await asyncio.sleep(seconds / _SLOW_PIECES)
            await response.write(answer.body[start : start + size])
    return response


def _cut_short(answer: Status, missing: int) -> bytes:
    head = [f"HTTP/1.1 {answer.status} Cut Short"]
    head += [f"{name}: {value}" for name, value in _headers(answer).items()]
    head += [f"Content-Length: {len(answer.body) + missing}", "", ""]
    return "\r\n".join(head).encode() + answer.body


def _hang_up(request: web.BaseRequest, data: bytes) -> web.StreamResponse:
    transport = _transport_of(request)
    transport.write(data)
    transport.close()
    return _unsent()


async def _reset(request: web.BaseRequest, data: bytes) -> web.StreamResponse:
    transport = _transport_of(request)
    if data:
        transport.write(data)
        await asyncio.sleep(_RESET_PAUSE)
    linger = transport.get_extra_info("socket")
    linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    transport.abort()
    return _unsent()


def _transport_of(request: web.BaseRequest) -> asyncio.Transport:
    # Never None here: the server cancels the handler of a connection that is gone.
    transport = request.transport
    assert transport is not None
    return transport


def _unsent() -> web.StreamResponse:
    # aiohttp wants a response from every handler; on a closed connection it drops it silently.
    return web.Response()
