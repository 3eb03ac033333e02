"""What `doctor` can find out over the network, one layer after the other.

Names, connections and certificates are looked at with the standard library, without a
token; then one request is sent as the client sends it, to the base URL and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal

from ltx_async.codec import ACCOUNT_LIST, AccountList, Redaction, parse_accounts
from ltx_async.diagnosis.finding import Finding, Verdict
from ltx_async.errors import (
    AccountNotFoundError,
    CertificateError,
    ConnectError,
    DecodeError,
    LTXError,
    ResponseError,
    ServerError,
)
from ltx_async.transport import Endpoint, Wiring, transport_of
from ltx_async.transport.loopback import is_loopback
from ltx_async.transport.names import addresses_of
from ltx_async.wording import counted

if TYPE_CHECKING:
    from yarl import URL

_PATIENCE: Final = 5.0
_LONGEST_REQUEST: Final = 10.0
_SLOW: Final = 2.0
_NOTICE_DAYS: Final = 14
_DAY: Final = 86_400
_RETIRED: Final = (
    "useapi.net retired this API in March 2026 and may not have brought it back. Nothing need be "
    "wrong here: `ltx-async demo` shows it at work, `ltx-async serve` stands in for it."
)
_VENDOR: Final = "useapi.net"
_NO_SERVER: Final = "Nothing listens there; `ltx-async serve` starts a server on this machine."


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
        yield await _certificate(host, address, port, trust) if secure else _plain(host)


def _hint(host: str) -> str:
    """Say what to do where nobody answers; a retired API is nobody's fault."""
    if is_loopback(host):
        return _NO_SERVER
    check = "Check the base URL and this machine's network."
    return f"{check} {_RETIRED}" if host.endswith(_VENDOR) else check


async def _addresses(host: str, port: int) -> tuple[Finding, Sequence[str]]:
    """Look the host up; a resolver that says nothing is not waited for at the end either."""
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await addresses_of(host, port)
    except (OSError, UnicodeError) as error:
        text = f"no address for {host}: {_reason(error)}"
        return Finding("DNS", Verdict.FAIL, text, _hint(host)), ()
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
    return Finding("TCP", Verdict.FAIL, text, _hint(host)), None


def _plain(host: str) -> Finding:
    if is_loopback(host):
        return Finding("TLS", Verdict.OK, "none: plain http on this machine")
    return Finding("TLS", Verdict.WARN, "none: whoever listens sees the token", "Use https.")


async def _certificate(
    host: str, address: str, port: int, trust: ssl.SSLContext | None = None
) -> Finding:
    context = ssl.create_default_context() if trust is None else trust
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host
            )
    except ssl.SSLCertVerificationError as error:
        text = f"the certificate is refused: {error.verify_message}"
        return Finding("TLS", Verdict.FAIL, text, CertificateError.default_hint)
    except OSError as error:
        text = f"the handshake fails: {_reason(error)}"
        return Finding("TLS", Verdict.FAIL, text, _hint(host))
    certificate = writer.get_extra_info("peercert")
    protocol = writer.get_extra_info("ssl_object").version()
    await _close(writer)
    left = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) // _DAY)
    text = f"{protocol}, certificate good for {counted(left, 'day')}"
    if left < _NOTICE_DAYS:
        return Finding("TLS", Verdict.WARN, text, "Its owner has to renew it soon.")
    return Finding("TLS", Verdict.OK, text)


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


async def request(
    endpoint: Endpoint, wiring: Wiring, *, kind: Literal["session", "direct"], timeout: float
) -> AsyncIterator[Finding]:
    """Ask for the list of accounts, once, and judge the answer, its speed and its clock.

    Raises:
        ConfigurationError: there is no such transport here.
    """
    transport = transport_of(kind, endpoint, wiring, None)
    url = endpoint.base
    began = time.monotonic()
    try:
        reply = await transport.send(ACCOUNT_LIST, min(timeout, _LONGEST_REQUEST))
    except LTXError as error:
        yield Finding("request", Verdict.FAIL, error.message, _advice(error, url.raw_host or ""))
        return
    finally:
        await transport.aclose()
    took = time.monotonic() - began
    yield _answer(parse_accounts(reply, Redaction.of(endpoint.token)), url.raw_host or "")
    yield _latency(took)
    yield clock_found(reply.headers.get("date", ""), took)


def _answer(result: AccountList | LTXError, host: str) -> Finding:
    if isinstance(result, AccountList):
        text = f"{counted(len(result.emails), 'account')} configured"
        if not result.problems:
            return Finding("request", Verdict.OK, text)
        odd = f"{text}, {len(result.problems):,} of them not as documented"
        return Finding("request", Verdict.WARN, odd, DecodeError.default_hint)
    verdict = Verdict.WARN if isinstance(result, AccountNotFoundError) else Verdict.FAIL
    return Finding("request", verdict, result.message, _advice(result, host))


def _advice(error: LTXError, host: str) -> str:
    """Say what to do about an error of the one request."""
    if isinstance(error, AccountNotFoundError):
        return f"No account is configured for this API token; or: {_RETIRED}"
    page = isinstance(error, DecodeError | ResponseError) and error.html
    if page or isinstance(error, ServerError):
        return _RETIRED
    return _hint(host) if isinstance(error, ConnectError) else error.hint


def _latency(seconds: float) -> Finding:
    text = f"{seconds * 1000:,.0f} ms, the connection included"
    if seconds > _SLOW:
        return Finding("latency", Verdict.WARN, text, "Allow for it: a higher --timeout.")
    return Finding("latency", Verdict.OK, text)


_SKEW: Final = 30.0


_HALF_A_SECOND: Final = 0.5  # a `Date` leaves the fraction out


def clock_found(date: str, took: float = 0.0) -> Finding:
    """Compare this machine's clock with a `Date` written in the last `took` seconds."""
    try:
        theirs = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return Finding("clock", Verdict.OK, "not compared: the reply has no date")
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    skew = (datetime.now(UTC) - theirs).total_seconds() - _HALF_A_SECOND
    if skew > 0:
        skew = max(0.0, skew - took)
    text = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} the server's"
    if abs(skew) > _SKEW:
        hint = "Set this machine's clock: certificates and expiry alerts depend on it."
        return Finding("clock", Verdict.WARN, text, hint)
    return Finding("clock", Verdict.OK, text)
