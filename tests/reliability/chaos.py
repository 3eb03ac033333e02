"""A proxy between a client and a server that does what networks do, drawn from a seed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator
from typing import Self

from attrs import define, field

_PIECE = 1 << 16
_LINGER_ZERO = struct.pack("ii", 1, 0)  # closing then sends RST, not FIN
_HTML = b"<!DOCTYPE html><title>Bad gateway</title>"
_JSON = b'{"error": "slow down", "code": 429}'


def _reply(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Mischief", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


_OWN_REPLIES = (
    _reply(502, _HTML, "Content-Type: text/html"),
    _reply(503, b"", "Retry-After: 0"),
    _reply(522, _HTML),
    _reply(429, _JSON, "Retry-After: 0"),
    b"HTTP/9 200 OK\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
)
MISCHIEF = {  # what becomes of a reply, with its weight
    "as it is": 60.0,
    "late": 10.0,
    "in two": 10.0,
    "byte by byte": 2.0,
    "cut": 4.0,
    "reset": 4.0,
    "closed": 4.0,
    "with junk behind": 2.0,
    "another reply": 4.0,
    "never": 0.3,
}


@define(eq=False)
class ChaosProxy:
    """Forwards connections to a port of this machine, and is no help.

    What happens to a connection is drawn from the seed and the connection's number.

    Attributes:
        upstream: the port of the server behind it.
        seed: of all mischief.
        port: where it listens itself.
        played: how often each kind of mischief was played.
    """

    upstream: int
    seed: int
    port: int = field(init=False, default=0)
    played: dict[str, int] = field(init=False, factory=lambda: dict.fromkeys(MISCHIEF, 0))
    _connections: int = field(init=False, default=0)
    _server: asyncio.Server | None = field(init=False, default=None)
    _tasks: set[asyncio.Task[None]] = field(init=False, factory=set)
    _writers: set[asyncio.StreamWriter] = field(init=False, factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut_all()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def cut_all(self) -> None:
        """Break every connection there is: a short outage."""
        for writer in self._writers:
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        draw = random.Random(self.seed * 1_000_003 + self._connections)
        task = asyncio.create_task(self._serve(reader, writer, draw))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, draw: random.Random
    ) -> None:
        async with self._kept(writer):
            if draw.random() < 0.02:  # accepted, and closed at once
                return
            source, behind = await asyncio.open_connection("127.0.0.1", self.upstream)
            async with self._kept(behind):
                while await self._exchange(reader, writer, source, behind, draw):
                    pass

    @contextlib.asynccontextmanager
    async def _kept(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        """Have a connection where it can be cut; what that breaks is of no interest."""
        self._writers.add(writer)
        try:
            yield
        except (OSError, asyncio.IncompleteReadError):
            pass
        except RuntimeError as error:  # uvloop's way to say that it is closed
            if "handler is closed" not in str(error):
                raise
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: asyncio.StreamReader,
        behind: asyncio.StreamWriter,
        draw: random.Random,
    ) -> bool:
        """Pass one request on and its reply back; tell whether another may follow."""
        request = await reader.readuntil(b"\r\n\r\n")
        behind.write(request)
        head = await source.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        reply = head + await source.readexactly(length)
        kind = draw.choices(list(MISCHIEF), MISCHIEF.values())[0]
        self.played[kind] += 1
        if kind == "never":
            await reader.read()  # until somebody has had enough
            return False
        return await _play(kind, reply, writer, draw)


async def _play(kind: str, reply: bytes, writer: asyncio.StreamWriter, draw: random.Random) -> bool:
    if kind == "reset":
        _arm_reset(writer)
    pieces, wait = _pieces(kind, reply, draw)
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(wait)
        writer.write(piece)
    await writer.drain()
    return kind not in {"cut", "closed", "reset"}


def _pieces(kind: str, reply: bytes, draw: random.Random) -> tuple[list[bytes], float]:
    """Return what is written of a reply, and the seconds between the pieces."""
    at = draw.randrange(1, len(reply))
    match kind:
        case "late":
            return [b"", reply], draw.uniform(0.001, 0.03)
        case "in two":
            return [reply[:at], reply[at:]], draw.uniform(0.0, 0.005)
        case "byte by byte":
            return [reply[position : position + 1] for position in range(len(reply))], 0.0
        case "cut" | "reset":
            return [reply[:at]], 0.0
        case "closed":
            return [], 0.0
        case "with junk behind":
            return [reply + draw.randbytes(draw.randrange(1, 40))], 0.0
        case "another reply":
            return [draw.choice(_OWN_REPLIES)], 0.0
    return [reply], 0.0


def _arm_reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
