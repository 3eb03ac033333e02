"""The floor of a single lookup: one blocking socket, orjson, and the same checked class."""

import socket
import time
from urllib.parse import urlsplit

import orjson

from benchmarks.account import structure
from benchmarks.measurement import Job, Measurement, Stopwatch
from benchmarks.workload import HEADERS, account_url, emails

END_OF_HEAD = b"\r\n\r\n"


def run(job: Job) -> Measurement:
    """Ask for one account after the other over one connection."""
    watch = Stopwatch(job.lookups)
    address = urlsplit(job.base_url)
    fields = {"Host": address.netloc, **HEADERS}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection((address.hostname or "", address.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with watch:
            for email in emails(job.lookups):
                started = time.perf_counter()
                target = account_url(job.base_url, email).partition(address.netloc)[2]
                connection.sendall(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
                structure(orjson.loads(_body(connection)))
                watch.answered(time.perf_counter() - started)
    return watch.measurement()


def _body(connection: socket.socket) -> bytes:
    """Return the body of a 200 that says its length.

    Raises:
        ValueError: it is something else, or incomplete.
    """
    reply = connection.recv(65536)
    head, _, body = reply.partition(END_OF_HEAD)
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields[b"content-length"])
    while len(body) < length and (more := connection.recv(65536)):
        body += more
    if not head.startswith(b"HTTP/1.1 200 ") or len(body) != length:
        raise ValueError("no whole 200")
    return body
