"""Foreign exceptions become ours at the edge; nothing of them is kept but facts."""

from __future__ import annotations

import errno
import os
import socket
import ssl as tls

import aiohttp

from ltx_async.errors import (
    AttemptTimeoutError,
    CertificateError,
    ConnectError,
    LTXError,
    ProtocolError,
    ProxyAuthenticationError,
)
from ltx_async.transport.loopback import is_loopback


def translated(error: BaseException) -> LTXError:
    """Return ours for an exception of aiohttp or the system; nothing of it is kept but facts.

    Its text is not used: it may hold the request's headers, or a proxy's password.
    """
    if isinstance(error, TimeoutError):
        return AttemptTimeoutError("no whole reply in time")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | tls.SSLCertVerificationError):
        cause = getattr(error, "certificate_error", error)
        reason = getattr(cause, "verify_message", "") or "it does not verify"
        return CertificateError(f"the server's certificate was refused: {reason}")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        if error.status in ProxyAuthenticationError.statuses:
            return ProxyAuthenticationError("the proxy refused the connection")
        return ConnectError(f"the proxy answered HTTP {error.status}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _connect_error(error)
    if isinstance(error, OSError) and error.errno is not None:
        return ProtocolError(f"the connection broke: {_reason(error)}")
    if isinstance(error, aiohttp.ClientResponseError):
        return ProtocolError("the reply is not valid HTTP")
    return ProtocolError("the connection closed before the whole reply")


def _connect_error(error: aiohttp.ClientConnectorError) -> ConnectError:
    cause = error.os_error
    if isinstance(cause, socket.gaierror):
        return ConnectError(f"no address for {error.host}: {_reason(cause)}", errno=cause.errno)
    where = f"{error.host}:{error.port}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return ConnectError(f"the TLS handshake with {where} failed: {_reason(cause)}")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        message = f"cannot connect to the proxy {where}: {_reason(cause)}"
        return ConnectError(message, errno=cause.errno)
    return ConnectError(
        f"cannot connect to {where}: {_reason(cause)}",
        errno=cause.errno,
        nobody_listens=cause.errno == errno.ECONNREFUSED and is_loopback(error.host),
    )


def _reason(error: OSError) -> str:
    """Return the system's words for an error, without whatever a library added."""
    if isinstance(error, tls.SSLError):
        return (error.reason or "broken off").replace("_", " ").lower()
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or type(error).__name__
    return os.strerror(error.errno)
