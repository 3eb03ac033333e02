"""Serve any number of accounts over keep-alive connections, as cheaply as one can in Python."""

import asyncio
import signal
import sys

BODY = b'{"email": "%s", "maxJobs": 20, "balance": {"LTXStudio_token": 150}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Accounts(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.buffer = b""

    def data_received(self, data):
        *requests, self.buffer = (self.buffer + data).split(b"\r\n\r\n")
        for request in requests:
            email = request.partition(b" HTTP/")[0].rpartition(b"/")[2]
            body = BODY % email
            self.transport.write(HEAD % len(body) + body)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Accounts, "127.0.0.1", 0)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["uvloop"]:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
