"""What `doctor` can find out over the network, one layer after the other.

Names, connections and certificates are looked at with the standard library, without a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from ltx_async.diagnosis.advice import (
    about_certificate,
    about_no_tls,
    about_silence,
    about_tls,
)
from ltx_async.diagnosis.finding import Finding, Verdict
from ltx_async.transport.failures import is_plain
from ltx_async.transport.loopback import is_loopback
from ltx_async.transport.names import addresses_of
from ltx_async.wording import counted

if TYPE_CHECKING:
    from yarl import URL

_PATIENCE: Final = 5.0
_NOTICE_DAYS: Final = 14
_DAY: Final = 86_400


async def way_there(url: URL, trust: ssl.SSLContext | None = None) -> AsyncIterator[Finding]:
    """Look the host up, connect to it and verify its certificate; end with what fails."""
    host, port = url.raw_host or "", url.port or 0
    names, addresses = await _addresses(host, port)
    yield names
    if not addresses:
        return
    connection, address = await _connection(host, addresses, port)
    yield connection
    if address is not None:
        secure = url.scheme == "https"
        yield await (_certificate(url, address, trust) if secure else _plain(url, address))


async def _addresses(host: str, port: int) -> tuple[Finding, Sequence[str]]:
    """Look the host up; a silent resolver does not hold up the end of the program."""
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await addresses_of(host, port)
    except (OSError, UnicodeError) as error:
        text = f"no address for {host}: {_reason(error)}"
        return Finding("DNS", Verdict.FAIL, text, about_silence(host)), ()
    addresses = list(dict.fromkeys(address for _, address in found))
    return Finding("DNS", Verdict.OK, f"{host} is {', '.join(addresses)}"), addresses


async def _connection(host: str, addresses: Sequence[str], port: int) -> tuple[Finding, str | None]:
    """Connect to the first address that can be had, and return it."""
    failure: OSError | None = None
    for address in addresses:
        began = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE):
                _, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            failure = failure or error
            continue
        took = time.monotonic() - began
        await _close(writer)
        return Finding("TCP", Verdict.OK, f"port {port} open, {took * 1000:,.0f} ms"), address
    assert failure is not None
    text = f"cannot connect to {host}:{port}: {_reason(failure)}"
    return Finding("TCP", Verdict.FAIL, text, about_silence(host)), None


async def _plain(url: URL, address: str) -> Finding:
    """Look whether a port of another machine speaks TLS, before the token goes there in plain."""
    if is_loopback(url.raw_host or ""):
        return Finding("TLS", Verdict.OK, "none: plain http on this machine")
    if await speaks_tls(address, url.port or 0):
        text = f"plain http to port {url.port}, which speaks TLS"
        return Finding("TLS", Verdict.FAIL, text, about_tls(url))
    return Finding("TLS", Verdict.WARN, "none: whoever listens sees the token", "Use https.")


async def _certificate(url: URL, address: str, trust: ssl.SSLContext | None = None) -> Finding:
    host, port = url.raw_host or "", url.port or 0
    context = ssl.create_default_context() if trust is None else trust
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host
            )
    except ssl.SSLCertVerificationError as error:
        text = f"the certificate is refused: {error.verify_message}"
        advice = about_certificate(
            error, os.environ.get(ssl.get_default_verify_paths().openssl_cafile_env)
        )
        return Finding("TLS", Verdict.FAIL, text, advice)
    except OSError as error:
        if is_plain(error) and await _speaks_http(address, port):
            text = f"port {port} speaks plain http, and no TLS"
            return Finding("TLS", Verdict.FAIL, text, about_no_tls(url))
        text = f"the handshake fails: {_reason(error)}"
        return Finding("TLS", Verdict.FAIL, text, about_silence(host))
    certificate = writer.get_extra_info("peercert")
    protocol = writer.get_extra_info("ssl_object").version()
    await _close(writer)
    left = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) // _DAY)
    text = f"{protocol}, certificate good for {counted(left, 'day')}"
    if left < _NOTICE_DAYS:
        return Finding("TLS", Verdict.WARN, text, "Its owner has to renew it soon.")
    return Finding("TLS", Verdict.OK, text)


async def _speaks_http(address: str, port: int) -> bool:
    """Whether a port answers a request in plain text; it has no token, and asks for nothing."""
    return (await _first_words(address, port, b"OPTIONS * HTTP/1.0\r\n\r\n")).startswith(b"HTTP/")


async def _first_words(address: str, port: int, said: bytes) -> bytes:
    words = b""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(said)
            words = await reader.read(5)
        await _close(writer)
    return words


async def speaks_tls(host: str, port: int) -> bool:
    """Whether a port answers a TLS handshake, with whatever certificate; nothing else is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_PATIENCE):
            address = (await addresses_of(host, port))[0][1]
            _, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host
            )
    except OSError:
        return False
    await _close(writer)
    return True


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await writer.wait_closed()


def _reason(error: Exception) -> str:
    """Return the system's words for an error, without what an event loop made of them."""
    if isinstance(error, TimeoutError) and not error.errno:
        return f"no answer within {_PATIENCE:g} s"
    if isinstance(error, OSError) and error.errno and type(error).__module__ == "builtins":
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or type(error).__name__
