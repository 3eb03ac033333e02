"""The names of this machine, which no resolver is asked for."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if is_localhost(host):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_localhost(host: str) -> bool:
    """Whether a name is one of this machine, whatever a resolver says (RFC 6761 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


class LoopbackResolver(ThreadedResolver):
    """aiohttp's resolver, which knows `localhost` and what is below it by itself.

    The token goes to such a name in plain http: nobody may lead it elsewhere.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host."""
        if not is_localhost(host):
            return await super().resolve(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, address in _LOOPBACK
            if family in {socket.AF_UNSPEC, kind}
        ]
