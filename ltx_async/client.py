"""`LTXClient`: what Python users touch."""

from __future__ import annotations

import os
import ssl as tls
import warnings
from collections.abc import AsyncIterable, Callable, Collection, Iterable
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, Self

from ltx_async.codec import AccountList, Redaction, prepare
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.bulk import BulkLookup
from ltx_async.engine.health.outage import Outage
from ltx_async.engine.limiter import Limiter, client_closed
from ltx_async.engine.logs import Listener, logger
from ltx_async.engine.lookup import list_accounts, look_up
from ltx_async.engine.parameters import check_functions, check_kinds, kinds_of, set_attribute
from ltx_async.engine.shared import Shared
from ltx_async.errors import ConfigurationError
from ltx_async.events import Event
from ltx_async.models import Account, Lookup, Stats
from ltx_async.retry import OutageRule, RetryPolicy
from ltx_async.transport import (
    DEFAULT_BASE_URL,
    ClientSession,
    Endpoint,
    Wiring,
    find_proxy,
    hidden,
    transport_of,
)
from ltx_async.transport.endpoint import doubt_about
from ltx_async.transport.header_fields import Headers

TOKEN_VARIABLE: Final = "USEAPI_TOKEN"  # noqa: S105 - the name of a variable
BASE_URL_VARIABLE: Final = "USEAPI_API"


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
        ssl: TLS settings with a CA of one's own; they verify certificate and host name.
        proxy: URL of an http proxy, with user and password where it wants them.
        trust_env: take the proxy from the environment: HTTPS_PROXY or HTTP_PROXY, by the scheme of
            the base URL, else ALL_PROXY; NO_PROXY names hosts to go to without one.
        allow_http: allow plain http to other machines than this one.
        user_agent: the whole `User-Agent` header.
        headers: header fields to add to every request, such as `{"X-Request-Id": "…"}`, or a plain
            function that returns those of an attempt, for the ids of a trace: it is called right
            after `on_event`, with the same `AttemptStarted`, and what it raises ends the call. None
            may be the client's own (Authorization, Host, Cookie, Content-*, hop-by-hop fields).
        on_event: a plain function that is called in the loop with each event.
        events: the classes of the events that it is called with; None for all. Without those of
            attempts and of lookups, a run costs no more than without `on_event`.

    Raises:
        ConfigurationError: a parameter or variable cannot be used.
    """

    __slots__ = ("__weakref__", "_bounds", "_endpoint", "_shared")

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
        headers: Headers | None = None,
        on_event: Callable[[Event], None] | None = None,
        events: Collection[type[Event]] | None = None,
    ) -> None:
        token = os.environ.get(TOKEN_VARIABLE, "") if token is None else token
        if base_url is None:
            base_url = os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
        # A traceback with locals may show this frame.
        token, base_url, proxy, headers = map(hidden, (token, base_url, proxy, headers))
        if session is not None and (ssl is not None or proxy is not None or trust_env):
            raise ConfigurationError(
                "ssl, proxy and trust_env belong to the owner of a borrowed session",
                hint="Set them on the session, or give no session.",
            )
        check_kinds(retry=retry, outage=outage, ssl=ssl)
        check_functions(on_event=on_event, headers=headers)
        self._bounds = Bounds(timeout, deadline)
        self._endpoint = Endpoint.checked(
            base_url,
            token,
            allow_http=allow_http,
            user_agent=user_agent,
            headers=None if callable(headers) else headers,
        )
        if (doubt := doubt_about(self._endpoint.base)) is not None:
            logger.warning("%s", doubt)
        limiter = Limiter(concurrency, rate)
        found = find_proxy(self._endpoint.base, proxy, trust_env=trust_env)
        wiring = Wiring(limit=concurrency, ssl=ssl, proxy=found)
        self._shared = Shared(
            transport_of(transport, self._endpoint, wiring, session),
            limiter,
            retry,
            Outage(outage),
            Redaction.of(token),
            Listener(on_event, kinds_of(events)),
            headers if callable(headers) else None,
            str(self._endpoint.base),
        )
        prepare()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied, as closures and tasks are on their way to a process."""
        raise ConfigurationError(
            "an LTXClient cannot be pickled or copied: make one client per process",
            hint="Hand emails to the other process, and records (lookup.to_record()) back.",
        )

    def __setattr__(self, name: str, value: object) -> None:
        set_attribute(self, name, value)

    def __repr__(self) -> str:
        if not hasattr(self, "_shared"):  # in a traceback with locals, from `__init__`
            return "<LTXClient>"
        limiter = self._shared.limiter
        state = "closed" if limiter.stopped else f"concurrency={limiter.concurrency}"
        return f"<LTXClient {self._endpoint.base} {state}>"

    async def __aenter__(self) -> Self:
        self._shared.bind()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the session if it is our own, for good; safe to repeat.

        Raises:
            ConfigurationError: the client belongs to another event loop, which has to close it.
        """
        if not self._shared.limiter.stopped:
            if self._shared.is_open:
                self._shared.check_loop()
            self._shared.stop()
            await self._shared.transport.aclose()

    def __del__(self, _warnings: Any = warnings) -> None:
        shared = getattr(self, "_shared", None)
        if shared is not None and shared.is_open:
            message = f"unclosed {self!r}: leave its block, or await aclose()"
            _warnings.warn(message, ResourceWarning, source=self, stacklevel=2)
            shared.abandon()

    @property
    def stats(self) -> Stats:
        """What came of all its lookups, single ones and those of runs; ask at any time."""
        shared = self._shared
        return shared.tally.stats(shared.limiter.pace, shared.clock())

    @property
    def base_url(self) -> str:
        """Where it asks, as each lookup says."""
        return str(self._endpoint.base)

    @property
    def in_flight(self) -> int:
        """How many requests are under way just now."""
        return self._shared.limiter.under_way

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
        self._shared.bind()
        bounds = self._bounds.but(timeout, deadline)
        with self._shared.tally.single() as counters:
            lookup = await look_up(self._shared, bounds, 0, email)
            counters.count(lookup)
        return lookup

    async def fetch_account(
        self, email: str, *, timeout: float | None = None, deadline: float | None = None
    ) -> Account:
        """Return one account, or raise why there is none; otherwise like `lookup`.

        An account that needs a new sign-in is returned: `account.needs_reauth` tells.

        Raises:
            InvalidEmailError: the email was refused; nothing was sent.
            AccountNotFoundError: no such account is configured.
            AttemptTimeoutError: each attempt took longer than `timeout`.
            DeadlineError: `deadline` passed, or the next retry could not have met it.
            LTXError: anything else; the subclasses say what to do next.
        """
        return (await self.lookup(email, timeout=timeout, deadline=deadline)).unwrap()

    async def list_accounts(self) -> AccountList:
        """Return every configured account by email, without balances, in one call.

        An entry of the list that is not as documented is in its `problems`, and hides no other.
        One of 60 MiB may take half a minute to read, which `deadline` covers and `timeout`
        does not.

        Raises:
            AccountNotFoundError: the API answers 404 in place of an empty list.
            LTXError: anything else that kept the list from coming.
        """
        self._shared.bind()
        return await list_accounts(self._shared, self._bounds)

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
            A `BulkLookup`: enter it and iterate, or await it for a list. Both raise the
            `LTXError` that ends a run early, and the `ConfigurationError` of a client that
            belongs to another event loop.

        Raises:
            ConfigurationError: the client is closed, or a bound is out of its range.
            TypeError: `emails` is no collection of emails but a single one, a table or the like.
        """
        if self._shared.limiter.stopped:
            raise client_closed()
        bounds = self._bounds.but(timeout, deadline)
        return BulkLookup(self._shared, bounds, emails, ordered, owner=self)

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
