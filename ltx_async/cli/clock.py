"""The server's clock, as `doctor` compares it with this machine's."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from ltx_async.cli.checks import Finding, Verdict

if TYPE_CHECKING:
    from yarl import URL

_PATIENCE: Final = 5.0
_LONGEST_LINE: Final = 16 << 10
_MOST_LINES: Final = 100
_SKEW: Final = 30.0
_HALF_A_SECOND: Final = 0.5  # a `Date` leaves the fraction out


async def server_date(url: URL) -> str:
    """Return the `Date` of an answer to a HEAD request without the token; empty without one.

    The transports do not read the headers of an account, which would cost every lookup time.
    """
    context = ssl.create_default_context() if url.scheme == "https" else None
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(
                url.raw_host, url.port, ssl=context, limit=_LONGEST_LINE
            )
            try:
                return await _ask(url, reader, writer)
            finally:
                writer.transport.abort()
    except (OSError, ValueError):  # what keeps lookups from working is told of elsewhere
        return ""


async def _ask(url: URL, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    head = f"HEAD {url.raw_path} HTTP/1.1\r\nHost: {url.raw_authority}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode("ascii"))
    for _ in range(_MOST_LINES):
        name, _, text = (await reader.readline()).decode("latin-1").partition(":")
        if name.lower() == "date":
            return text.strip()
        if not name.strip():
            break
    return ""


def clock_found(date: str) -> Finding:
    """Compare this machine's clock with a `Date`."""
    try:
        theirs = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return Finding("clock", Verdict.OK, "not compared: the reply has no date")
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    skew = (datetime.now(UTC) - theirs).total_seconds() - _HALF_A_SECOND
    text = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} the server's"
    if abs(skew) > _SKEW:
        hint = "Set this machine's clock: certificates and expiry alerts depend on it."
        return Finding("clock", Verdict.WARN, text, hint)
    return Finding("clock", Verdict.OK, text)
