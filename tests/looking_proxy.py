"""A proxy that looks into TLS, as companies have them: with certificates of its own authority."""

import asyncio
import base64
import contextlib
import ssl
import threading

import trustme

HOST = "useapi.example"
"""Whose certificate it shows; nothing of that name is ever asked for."""


class LookingProxy:
    """Tunnels of this machine, in a thread of its own, which all end at one server.

    Attributes:
        authority: the certificate authority that its users have to trust.
        heads: what it was asked for, request line and header fields.
    """

    def __init__(self, server_port: int, user_and_password: str) -> None:
        self.authority = trustme.CA()
        self.heads: list[str] = []
        self._server_port = server_port
        self._pair = base64.b64encode(user_and_password.encode()).decode()
        self._loop = asyncio.new_event_loop()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(HOST).configure_cert(self._context)
        self._tunnels: set[asyncio.Task[None]] = set()

    def __enter__(self):
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._tunnel, "127.0.0.1", 0)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_error) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _tunnel(self, reader, writer) -> None:
        task = asyncio.current_task()
        self._tunnels.add(task)
        task.add_done_callback(self._tunnels.discard)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        with contextlib.closing(writer):
            if f"Proxy-Authorization: Basic {self._pair}\r\n" not in head:
                writer.write(b"HTTP/1.1 407 Who Are You\r\nContent-Length: 0\r\n\r\n")
                return
            writer.write(b"HTTP/1.1 200 Go On\r\n\r\n")
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.start_tls(self._context)
                inner, out = await asyncio.open_connection("127.0.0.1", self._server_port)
                with contextlib.closing(out):
                    await asyncio.gather(pump(reader, out), pump(inner, writer))


async def pump(reader, writer) -> None:
    """Hand on what comes until there is no more, then close."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()
