"""The names and addresses of this machine, which no resolver is asked for."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


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
