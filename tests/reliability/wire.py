"""A server that plays scripts of bytes, counts what it is asked, and keeps every byte of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Self
from urllib.parse import unquote

from attrs import define, field, frozen

HOST = "127.0.0.1"


class End(Enum):
    """How a script ends a connection; without one it is kept alive."""

    CLOSE = auto()
    RESET = auto()
    HANG = auto()


CLOSE, RESET, HANG = End.CLOSE, End.RESET, End.HANG


@frozen
class Pause:
    """Say nothing for a while."""

    seconds: float


Step = bytes | Pause | End
Script = Iterable[Step]


@frozen
class Asked:
    """One request: the `number`-th of its server, the `position`-th of its connection."""

    number: int
    connection: int
    position: int
    at: float
    head: bytes = field(repr=False)

    @property
    def line(self) -> str:
        return self.head.partition(b"\r\n")[0].decode()

    @property
    def email(self) -> str:
        return unquote(self.line.split(" ")[1].rpartition("/")[2])

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:-2]
        fields = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip()) for name, _, value in fields]

    def values(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header == name]


Answer = Callable[[Asked], Script]


def in_turn(*scripts: Script) -> Answer:
    """Answer the n-th request with the n-th script, and all after the last with that."""
    return lambda asked: scripts[min(asked.number, len(scripts) - 1)]


@define(eq=False)
class WireServer:
    """Listens on a free port of this machine, in the running loop.

    Attributes:
        answer: the script for each request.
        tls: the TLS context of the n-th connection, None for plain text.
        greeting: played on the n-th connection before TLS and before anything is read.
        host: its name in the base URL; `address`: where it listens.
        asked: every request, in the order of arrival.
        sent_at: when the script of each request was through, by its number.
        stray: bytes that were no whole request.
        connections: how many were accepted; `handshakes`: how many of them spoke TLS.
        open: connections at the moment; `peak`: the most there were.
        busy: requests under way at the moment; `busiest`: the most there were.
    """

    answer: Answer
    tls: Callable[[int], ssl.SSLContext | None] = lambda _connection: None
    greeting: Callable[[int], Script] = lambda _connection: ()
    scheme: str = "http"
    host: str = HOST
    address: str = HOST
    port: int = 0
    asked: list[Asked] = field(factory=list)
    sent_at: dict[int, float] = field(factory=dict)
    stray: bytearray = field(factory=bytearray)
    bytes_sent: int = 0
    connections: int = 0
    handshakes: int = 0
    open: int = 0
    peak: int = 0
    busy: int = 0
    busiest: int = 0
    _listener: socket.socket | None = None
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _unserved: set[socket.socket] = field(factory=set)

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/v1"

    @property
    def requests(self) -> int:
        return len(self.asked)

    @property
    def log(self) -> bytes:
        return b"".join(asked.head for asked in self.asked) + bytes(self.stray)

    def times_asked(self, email: str) -> int:
        return sum(asked.email == email for asked in self.asked)

    # Running

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a `stop` on the same port."""
        self._listener = listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        await self._bind(listener)
        listener.listen(1024)
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    async def _bind(self, listener: socket.socket) -> None:
        """Take the port; meanwhile a client anywhere may have been given it as its own."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                listener.bind((self.address, self.port))
                return
            await asyncio.sleep(0.05)
        listener.bind((self.address, self.port))

    async def refuse(self) -> None:
        """Stop listening, and go on with the connections there are."""
        self._close_listener()

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        self._close_listener()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._unserved:  # their tasks were cancelled before they began
            self._unserved.pop().close()
        await asyncio.sleep(0)

    def _close_listener(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        """Serve all who have connected; a task that is cancelled while it waits would lose one."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # steps go out at once
                self._unserved.add(peer)
                task = asyncio.get_running_loop().create_task(self._serve(peer, self.connections))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self.connections += 1

    async def _serve(self, peer: socket.socket, connection: int) -> None:
        self._unserved.discard(peer)
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError, EOFError):
                if await self._greet(peer, connection):
                    await self._talk(peer, connection)
        except RuntimeError as error:  # uvloop's way to say that it is closed
            if "handler is closed" not in str(error):
                raise
        finally:
            self.open -= 1

    async def _greet(self, peer: socket.socket, connection: int) -> bool:
        """Play the greeting; tell whether the connection outlives it."""
        peer.setblocking(False)
        loop, goes_on = asyncio.get_running_loop(), False
        try:
            for step in self.greeting(connection):
                if isinstance(step, bytes):
                    await loop.sock_sendall(peer, step)
                elif isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                else:
                    if step is RESET:
                        _reset_on_close(peer)
                    return False
            goes_on = True
        finally:
            if not goes_on:
                peer.close()
        return True

    # Talking

    async def _talk(self, peer: socket.socket, connection: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(1 << 20)
        protocol = asyncio.StreamReaderProtocol(reader)
        context = self.tls(connection)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, peer, ssl=context)
        except BaseException:
            if not isinstance(loop, asyncio.BaseEventLoop):
                peer.detach()  # uvloop has closed the descriptor, and left the socket alone
            raise
        self.handshakes += context is not None
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        end = RESET
        try:
            end = await self._converse(reader, writer, connection)
        finally:
            if end is CLOSE:
                transport.close()
            else:
                mine = transport.get_extra_info("socket")
                with contextlib.suppress(OSError):  # the client was first
                    if mine is not None:  # uvloop has none once the connection is lost
                        _reset_on_close(mine)
                transport.abort()
            with contextlib.suppress(OSError):
                await protocol._get_close_waiter(writer)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> End:
        position = 0
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError as error:
                self.stray += error.partial
                return CLOSE
            now = asyncio.get_running_loop().time()
            asked = Asked(self.requests, connection, position, now, head)
            position += 1
            self.asked.append(asked)
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
            try:
                end = await self._play(self.answer(asked), writer)
            finally:
                self.busy -= 1
            self.sent_at[asked.number] = asyncio.get_running_loop().time()
            if end is HANG:
                self.stray += await reader.read()
            if end is not None:
                return end

    async def _play(self, script: Script, writer: asyncio.StreamWriter) -> End | None:
        for step in script:
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                self.bytes_sent += len(step)
                await asyncio.sleep(0)  # so that the next chunk is another segment
            else:
                return step
        return None


def _reset_on_close(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
