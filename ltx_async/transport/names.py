"""From host names to addresses, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from aiohttp.abc import AbstractResolver, ResolveResult

from ltx_async.transport.loopback import LOOPBACK, is_localhost

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_USABLE: Final = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", -1)  # some BSDs refuse it
T = TypeVar("T")


class Resolver(AbstractResolver):
    """The system's resolver, but for `localhost` and what is below it.

    The token goes to such a name in plain http: nobody may lead it elsewhere.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            OSError: there is none, or the resolver cannot tell.
        """
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=0, flags=_NUMERIC
            )
            for kind, address in await addresses_of(host, port, family)
        ]

    async def close(self) -> None:
        """Do nothing: nothing is kept open."""


async def addresses_of(
    host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
) -> list[tuple[int, str]]:
    """Return the addresses of a host, each after its family.

    Raises:
        OSError: there is none, or the resolver cannot tell.
    """
    if is_localhost(host):
        return [one for one in LOOPBACK if family in {socket.AF_UNSPEC, one[0]}]
    return await _apart(lambda: _addresses(host, port, family))


def _addresses(host: str, port: int, family: int) -> list[tuple[int, str]]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, _USABLE)
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return [(kind, socket.getnameinfo(address, numeric)[0]) for kind, _, _, _, address in found]


async def _apart(work: Callable[[], T]) -> T:
    """Return what `work` does in a thread of its own.

    A program waits at its end for the event loop's own threads, and a resolver whose name
    servers are silent would hold one of them for half a minute.

    Raises:
        OSError: the machine has no thread left, as after a `RLIMIT_NPROC` or a cgroup's limit.
    """
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # from here on it cannot be cancelled; a waiter can

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            done.set_exception(error)

    try:
        threading.Thread(target=run, name="ltx_async names", daemon=True).start()
    except RuntimeError:  # which would end the run; this is a connection that cannot be made
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
    return await asyncio.wrap_future(done)
