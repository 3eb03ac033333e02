"""`LTXClient`: what Python users touch."""

from __future__ import annotations

import asyncio
import inspect
import os
import ssl as tls
import time
from collections.abc import AsyncIterable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Literal, Self

from ltx_async.codec import (
    ACCOUNT_LIST,
    Redaction,
    account_target,
    parse_account,
    parse_accounts,
    prepare,
)
from ltx_async.engine.bulk import BulkLookup
from ltx_async.engine.limiter import Limiter, client_closed
from ltx_async.engine.logs import logger, mask_email, message_for_log
from ltx_async.engine.retry_loop import RetryLoop
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import (
    AccountNotFoundError,
    ConfigurationError,
    InvalidEmailError,
    LTXError,
    ReauthenticationError,
)
from ltx_async.events import Event, LookupFinished
from ltx_async.models import Account, Lookup, LookupDraft, Outcome
from ltx_async.retry import OutageRule, RetryBudget, RetryPolicy
from ltx_async.transport import (
    DEFAULT_BASE_URL,
    ClientSession,
    Endpoint,
    Secret,
    Wiring,
    is_uvloop,
    transport_of,
)
from ltx_async.transport.protocol import Transport

TOKEN_VARIABLE: Final = "USEAPI_TOKEN"  # noqa: S105 - the name of a variable
BASE_URL_VARIABLE: Final = "USEAPI_API"
_LONGEST_WAIT: Final = 86_400 * 365
_OK, _NEEDS_REAUTH = Outcome.OK, Outcome.NEEDS_REAUTH  # Python 3.11 looks them up slowly
_OUTCOME_OF: Final[dict[type[LTXError], Outcome]] = {
    AccountNotFoundError: Outcome.NOT_FOUND,
    InvalidEmailError: Outcome.INVALID,
    ReauthenticationError: Outcome.NEEDS_REAUTH,
}


class LTXClient:
    """Looks up LTX Studio accounts by email through the API of useapi.net.

    Use it in one event loop, as an `async with` block or with `aclose()` at the end;
    the session opens with the first request.

    Args:
        token: the API token `user:<number>-<string>`; unset, from `USEAPI_TOKEN`.
        base_url: unset, from `USEAPI_API`, else `https://api.useapi.net/v1`.
        concurrency: requests that may be under way at a time, 1 to 100,000.
        rate: requests per second, evenly paced without bursts; None for no limit.
        timeout: seconds for one attempt, the body included, counted from its slot on;
            the clock is looked at every tenth of a second.
        deadline: seconds for one lookup with its retries and waits. In a run its clock
            starts at the first attempt and stands still while the lookup is queued.
        retry: when and how often to try again.
        outage: when a run takes silence for an outage, and how long it waits for its end.
        transport: `session`, over aiohttp's `ClientSession`, or `direct`, which costs far
            less per lookup and needs the extra `speed`.
        session: a `ClientSession` to borrow; its pool, proxy, TLS and cookies are its
            owner's, and it is never closed here. Its middlewares are not called.
        ssl: TLS settings with a CA of one's own.
        proxy: URL of an http proxy.
        trust_env: take proxies from the environment.
        allow_http: allow plain http to other machines than this one.
        user_agent: the whole `User-Agent` header.
        on_event: a plain function that is called in the loop with each event.

    Raises:
        ConfigurationError: a parameter or variable cannot be used.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        base_url: str | None = None,
        concurrency: int = 20,
        rate: float | None = None,
        timeout: float = 30.0,
        deadline: float = 300.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        outage: OutageRule = OutageRule(),  # noqa: B008 - frozen
        transport: Literal["session", "direct"] = "session",
        session: ClientSession | None = None,
        ssl: tls.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        allow_http: bool = False,
        user_agent: str | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
        if isinstance(token, str):
            token = Secret(token)  # a traceback with locals may show this frame
        if base_url is None:
            base_url = os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
        if session is not None and (ssl is not None or proxy is not None or trust_env):
            raise ConfigurationError(
                "ssl, proxy and trust_env belong to the owner of a borrowed session",
                hint="Set them on the session, or give no session.",
            )
        _check_kinds(retry=retry, outage=outage, ssl=ssl, proxy=proxy, on_event=on_event)
        self._timeout = _seconds("timeout", timeout)
        self._deadline = _seconds("deadline", deadline)
        self._limiter = Limiter(concurrency, rate)
        self._endpoint = Endpoint.checked(
            base_url, token, allow_http=allow_http, user_agent=user_agent
        )
        wiring = Wiring(limit=concurrency, ssl=ssl, proxy=proxy, trust_env=trust_env)
        self._transport: Transport = transport_of(transport, self._endpoint, wiring, session)
        self._shared = Shared(
            self._transport,
            self._limiter,
            retry,
            RetryBudget(retry.budget),
            Redaction.of(token),
            on_event,
        )
        self._outage = outage
        prepare()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock: Callable[[], float] = time.monotonic
        self._closed = False

    def __repr__(self) -> str:
        if not hasattr(self, "_closed"):  # in a traceback with locals, from `__init__`
            return "<LTXClient>"
        state = "closed" if self._closed else f"concurrency={self._limiter.concurrency}"
        return f"<LTXClient {self._endpoint.base} {state}>"

    async def __aenter__(self) -> Self:
        self._ready()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the session if it is our own, for good; safe to repeat."""
        if not self._closed:
            self._closed = True
            self._limiter.stop()
            await self._transport.aclose()

    async def lookup(
        self, email: str, *, timeout: float | None = None, deadline: float | None = None
    ) -> Lookup:
        """Look up one account; what happens to this email is in the result, never raised.

        Args:
            email: the address, sent as it is: nothing is trimmed.
            timeout: seconds for one attempt, in place of the client's.
            deadline: seconds for all of it, waiting for a slot included.

        Raises:
            ConfigurationError: the client is closed or belongs to another event loop.
        """
        self._ready()
        return await self._lookup(
            self._timeout if timeout is None else _seconds("timeout", timeout),
            self._deadline if deadline is None else _seconds("deadline", deadline),
            0,
            email,
            None,
        )

    async def fetch_account(
        self, email: str, *, timeout: float | None = None, deadline: float | None = None
    ) -> Account:
        """Return one account, or raise why there is none; otherwise like `lookup`.

        An account that needs a new sign-in is returned: `account.needs_reauth` tells.

        Raises:
            InvalidEmailError: the email was refused; nothing was sent.
            AccountNotFoundError: no such account is configured.
            LTXError: anything else; the subclasses say what to do next.
        """
        return (await self.lookup(email, timeout=timeout, deadline=deadline)).unwrap()

    async def list_accounts(self) -> dict[str, Account]:
        """Return every configured account by email, without balances, in one call.

        Raises:
            AccountNotFoundError: the API answers 404 in place of an empty list.
            LTXError: anything else that kept the list from coming.
        """
        asking = RetryLoop(
            self._shared,
            self._ready(),
            self._clock,
            ACCOUNT_LIST,
            None,
            lambda reply, _email, redaction: parse_accounts(reply, redaction),
            self._timeout,
            self._deadline,
        )
        accounts = await asking.result()
        if isinstance(accounts, LTXError):
            accounts.attempts = asking.attempts
            raise accounts
        return accounts

    def lookup_many(
        self,
        emails: Iterable[str] | AsyncIterable[str],
        *,
        ordered: bool = False,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> BulkLookup:
        """Look up many accounts at a time.

        Args:
            emails: any iterable or async iterable; read lazily.
            ordered: deliver in input order, not as they complete.
            timeout: seconds for one attempt, in place of the client's.
            deadline: seconds for each lookup with its retries and waits, likewise.

        Returns:
            A `BulkLookup`: enter it and iterate, or await it for a list.

        Raises:
            ConfigurationError: the client is closed or belongs to another event loop.
            TypeError: `emails` is a single string.
        """
        self._check_open()
        run = Run(self._outage, lambda: asyncio.get_running_loop().time())
        return BulkLookup(
            partial(
                self._lookup,
                self._timeout if timeout is None else _seconds("timeout", timeout),
                self._deadline if deadline is None else _seconds("deadline", deadline),
            ),
            self._ready,
            emails,
            run,
            self._limiter.concurrency,
            ordered,
        )

    async def lookup_all(
        self,
        emails: Iterable[str] | AsyncIterable[str],
        *,
        timeout: float | None = None,
        deadline: float | None = None,
    ) -> list[Lookup]:
        """Return the lookups of many emails in input order; otherwise like `lookup_many`.

        This is a coroutine, fit for `asyncio.run` and for tasks. Where what was answered
        before an error is wanted too, await a `lookup_many`, and ask it for `delivered`.

        Raises:
            LTXError: the run ended early.
        """
        return await self.lookup_many(emails, timeout=timeout, deadline=deadline)

    async def _lookup(
        self, timeout: float, deadline: float, index: int, email: str, run: Run | None
    ) -> Lookup:
        shared, loop = self._shared, self._loop
        assert loop is not None
        try:
            request = account_target(email)
        except InvalidEmailError as error:
            lookup = _finished(index, email, error.with_traceback(None))
        else:
            asking = RetryLoop(
                shared, loop, self._clock, request, email, parse_account, timeout, deadline, run
            )
            lookup = _finished(index, email, await asking.result(), asking)
        if lookup.error is not None and lookup.outcome is Outcome.FAILED:
            logger.info("%s failed: %s", mask_email(email), message_for_log(lookup.error, email))
        if shared.watched:
            shared.tell(LookupFinished(lookup))
        return lookup

    def _check_open(self) -> None:
        if self._closed:
            raise client_closed()

    def _ready(self) -> asyncio.AbstractEventLoop:
        """Check that the client may be used here and now; bind it to its event loop."""
        self._check_open()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            if not is_uvloop(loop):  # whose time has no fractions of a millisecond
                self._clock = loop.time
        elif self._loop is not loop:
            raise ConfigurationError(
                "the client belongs to another event loop", hint="Make one LTXClient per loop."
            )
        return loop


def _check_kinds(
    *, retry: object, outage: object, ssl: object, proxy: object, on_event: object
) -> None:
    """Refuse what would only fail, or do harm, once something is sent."""
    if not isinstance(retry, RetryPolicy):
        raise ConfigurationError(f"retry must be a RetryPolicy, not {type(retry).__name__}")
    if not isinstance(outage, OutageRule):
        raise ConfigurationError(f"outage must be an OutageRule, not {type(outage).__name__}")
    if ssl is not None and not isinstance(ssl, tls.SSLContext):
        raise ConfigurationError(
            "ssl must be an SSLContext", hint="Certificates are always verified; give the CA."
        )
    if proxy is not None and not str(proxy).startswith(("http://", "https://")):
        raise ConfigurationError("proxy must be the URL of an http proxy")
    if on_event is not None and (not callable(on_event) or inspect.iscoroutinefunction(on_event)):
        raise ConfigurationError("on_event must be a plain function, not a coroutine function")


def _seconds(name: str, value: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= _LONGEST_WAIT:
        raise ConfigurationError(f"{name} must be a number of seconds above 0, not {value!r}")
    return float(value)


def _finished(
    index: int, email: str, result: Account | LTXError, asking: RetryLoop[Account] | None = None
) -> Lookup:
    """Make the record of a result."""
    attempts, status, elapsed = 0, None, 0.0
    if asking is not None:
        attempts, status, elapsed = asking.attempts, asking.status, asking.elapsed
    account = error = None
    if isinstance(result, LTXError):
        error, outcome = result, _OUTCOME_OF.get(type(result), Outcome.FAILED)
        error.email, error.attempts = email, attempts
    else:
        account, outcome = result, _OK if result.error is None else _NEEDS_REAUTH
    now = datetime.now(UTC)
    lookup = LookupDraft(index, email, outcome, account, error, status, attempts, elapsed, now)
    lookup.__class__ = Lookup
    return lookup
