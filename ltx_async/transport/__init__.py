"""The only I/O: a request goes out, plain bytes come back."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from aiohttp import ClientRequest, ClientSession, TCPConnector

from ltx_async.errors import ConfigurationError
from ltx_async.extras import install_command
from ltx_async.transport.endpoint import DEFAULT_BASE_URL, HIDDEN, Endpoint, hidden
from ltx_async.transport.pool import Wiring, is_uvloop
from ltx_async.transport.proxies import Proxy, find_proxy
from ltx_async.transport.session import SessionTransport
from ltx_async.wording import inert

if TYPE_CHECKING:
    from ltx_async.transport.direct import DirectTransport

__all__ = [
    "DEFAULT_BASE_URL",
    "HIDDEN",
    "ClientSession",
    "Endpoint",
    "Proxy",
    "Wiring",
    "find_proxy",
    "hidden",
    "is_uvloop",
    "missing",
    "transport_of",
]

TRANSPORTS = ("session", "direct")


def missing() -> str | None:
    """Say what keeps the direct transport from working here, None where nothing does."""
    try:
        import httptools  # noqa: F401, PLC0415
    except ImportError:
        return f"it needs httptools: {install_command('speed')}"
    except Exception as error:  # noqa: BLE001 - a broken build fails as it likes
        return f"httptools cannot be loaded: {inert(str(error))}"
    takes = inspect.signature(TCPConnector.connect).parameters
    makes = inspect.signature(ClientRequest).parameters
    if not {"req", "traces", "timeout"} <= takes.keys() or not {"loop", "proxy"} <= makes.keys():
        return "this version of aiohttp no longer offers what it uses"
    return None


def transport_of(
    kind: str, endpoint: Endpoint, wiring: Wiring, session: ClientSession | None
) -> SessionTransport | DirectTransport:
    """Build a transport by its name: `session` or `direct`.

    Raises:
        ConfigurationError: there is none of that name, or it cannot work here.
    """
    if kind == "session":
        return SessionTransport(endpoint, wiring, session)
    if kind != "direct":
        raise ConfigurationError(
            f"there is no transport {kind!r}", hint="Choose one of " + ", ".join(TRANSPORTS) + "."
        )
    if session is not None:
        raise ConfigurationError(
            "the direct transport cannot borrow a session",
            hint="Leave out session, or take transport='session'.",
        )
    if (reason := missing()) is not None:
        raise ConfigurationError(f"no direct transport: {reason}", hint="Or use 'session'.")
    from ltx_async.transport.direct import DirectTransport  # noqa: PLC0415 - needs an extra

    return DirectTransport(endpoint, wiring)
