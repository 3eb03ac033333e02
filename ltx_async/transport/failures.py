"""Turn exceptions of aiohttp and the system into the library's own; only facts are kept."""

from __future__ import annotations

import errno
import os
import socket
import ssl as tls
from typing import Final

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
from ltx_async.transport.pool import FloodError


def translated(error: BaseException) -> LTXError:
    """Return the library's error for an exception of aiohttp or of the system.

    The exception's text is not used: it may hold the request's headers or a proxy's password.
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
        if isinstance(error.__cause__, FloodError):
            return ProtocolError(error.__cause__.message)
        return ProtocolError("the reply is not valid HTTP")
    return ProtocolError("the connection closed before the whole reply")


def _connect_error(error: aiohttp.ClientConnectorError) -> ConnectError:
    cause, where = error.os_error, f"{error.host}:{error.port}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        while isinstance(cause, aiohttp.ClientConnectorError):  # nested where there is no address
            cause = cause.os_error
        message = f"cannot connect to the proxy {where}: {_reason(cause)}"
        astray = _is_no_name(cause) or _is_nobody_here(cause, error.host)
        return ConnectError(message, errno=cause.errno, misdirected=astray)
    if isinstance(cause, socket.gaierror):
        message = f"no address for {error.host}: {_reason(cause)}"
        return ConnectError(message, errno=cause.errno, misdirected=_is_no_name(cause))
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        message, plain = f"the TLS handshake with {where} failed: {_reason(cause)}", is_plain(cause)
        return ConnectError(message, misdirected=plain, hint=_PLAIN if plain else None)
    message = f"cannot connect to {where}: {_reason(cause)}"
    here = _is_nobody_here(cause, error.host)
    return ConnectError(message, errno=cause.errno, nobody_listens=here)


def _is_no_name(error: OSError) -> bool:
    """Whether a resolver is sure that there is no such name, or none with an address."""
    return isinstance(error, socket.gaierror) and error.errno in _NO_NAME


def _is_nobody_here(error: OSError, host: str) -> bool:
    return error.errno == errno.ECONNREFUSED and is_loopback(host)


def is_plain(error: OSError) -> bool:
    """Whether a TLS handshake failed in the way of a port that does not speak TLS."""
    return isinstance(error, tls.SSLError) and error.reason in _NO_TLS


_NO_NAME: Final = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)
)
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
_PLAIN: Final = "That port speaks no TLS: check the scheme and the port of the base URL."


def _reason(error: OSError) -> str:
    """Return the system's words for an error, without whatever a library added."""
    if isinstance(error, tls.SSLError):
        return (error.reason or "broken off").replace("_", " ").lower()
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or type(error).__name__
    return os.strerror(error.errno)
