"""What `doctor` learns from the one request that is sent as the client sends it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal

from ltx_async.codec import ACCOUNT_LIST, AccountList, Redaction, parse_accounts
from ltx_async.codec.waits import http_date
from ltx_async.diagnosis.advice import about_reply, about_tls
from ltx_async.diagnosis.finding import LONGEST_REQUEST, Finding, Verdict
from ltx_async.diagnosis.network import speaks_tls
from ltx_async.engine.attempts import read_apart
from ltx_async.errors import (
    AccountNotFoundError,
    DecodeError,
    LTXError,
    ProtocolError,
    ResponseError,
)
from ltx_async.transport import Endpoint, Wiring, transport_of
from ltx_async.wording import counted

if TYPE_CHECKING:
    from yarl import URL

    from ltx_async.codec import Reply

_SLOW: Final = 2.0


async def request(
    endpoint: Endpoint,
    wiring: Wiring,
    *,
    kind: Literal["session", "direct"],
    timeout: float,
    token_from: str,
) -> AsyncIterator[Finding]:
    """Ask for the list of accounts, once, and judge the answer, its speed and its clock.

    Raises:
        ConfigurationError: there is no such transport here.
    """
    transport = transport_of(kind, endpoint, wiring, None)
    url = endpoint.base
    reply: Reply | None = None
    result: AccountList | LTXError
    began = time.monotonic()
    try:
        reply = await transport.send(ACCOUNT_LIST, min(timeout, LONGEST_REQUEST))
        result = await read_apart(
            reply, partial(parse_accounts, reply, Redaction.of(endpoint.token))
        )
    except LTXError as error:
        result = error
    finally:
        await transport.aclose()
    took = time.monotonic() - began
    if isinstance(result, AccountList):
        yield _listed(result)
    elif await _met_tls(url, wiring, result):
        text = f"plain http to port {url.port}, which speaks TLS"
        yield Finding("request", Verdict.FAIL, text, about_tls(url))
    else:
        verdict = Verdict.WARN if isinstance(result, AccountNotFoundError) else Verdict.FAIL
        advice = about_reply(result, reply, url, token_from)
        yield Finding("request", verdict, result.message, advice)
    if reply is not None:
        yield _latency(took)
        yield clock_found(reply.headers.get("date", ""), took)


def _listed(accounts: AccountList) -> Finding:
    text = f"{counted(len(accounts.emails), 'account')} configured"
    if not accounts.problems:
        return Finding("request", Verdict.OK, text)
    odd = f"{text}, {len(accounts.problems):,} of them not as documented"
    return Finding("request", Verdict.WARN, odd, DecodeError.default_hint)


async def _met_tls(url: URL, wiring: Wiring, error: LTXError) -> bool:
    """Whether a request in plain text failed because the port speaks TLS."""
    if url.scheme != "http" or wiring.proxy is not None:
        return False
    odd = isinstance(error, ResponseError) and error.status == HTTPStatus.BAD_REQUEST
    broken = isinstance(error, ProtocolError)
    return (odd or broken) and await speaks_tls(url.raw_host or "", url.port or 0)


def _latency(seconds: float) -> Finding:
    text = f"{seconds * 1000:,.0f} ms, the connection included"
    if seconds > _SLOW:
        return Finding("latency", Verdict.WARN, text, "Allow for it: a higher --timeout.")
    return Finding("latency", Verdict.OK, text)


_SKEW: Final = 30.0


_HALF_A_SECOND: Final = 0.5  # a `Date` has no fraction: on average it is so much early


def clock_found(date: str, took: float = 0.0) -> Finding:
    """Compare this machine's clock with a `Date` written in the last `took` seconds."""
    now = time.time()
    theirs = http_date(date, now)
    if theirs is None:
        return Finding("clock", Verdict.OK, "not compared: the reply has no date")
    skew = now - theirs - _HALF_A_SECOND
    if skew > 0:
        skew = max(0.0, skew - took)
    text = "as the server's, to the second"
    if round(abs(skew)):
        text = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} the server's"
    if abs(skew) > _SKEW:
        hint = "Set this machine's clock: certificates and expiry alerts depend on it."
        return Finding("clock", Verdict.WARN, text, hint)
    return Finding("clock", Verdict.OK, text)
