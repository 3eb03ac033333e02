"""The emulator itself: which request gets which answer, and the server around it."""

import asyncio
import math
import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from aiohttp import web
from attrs import define, field, setters

from ltx_async.emulator.accounts import Account, AccountStore
from ltx_async.emulator.answers import API_PATH, true_answer
from ltx_async.emulator.connections import Connections, Listener
from ltx_async.emulator.delivery import deliver
from ltx_async.emulator.exchange import Answer, Exchange, Request
from ltx_async.emulator.faults import RandomFaults
from ltx_async.emulator.journal import Journal, RecordedRequest
from ltx_async.emulator.rules import RateLimit, Rules
from ltx_async.emulator.steps import Step, as_step
from ltx_async.emulator.threads import in_a_thread

EXAMPLE_TOKEN: Final = "user:12345-abcdefghi"  # noqa: S105  # the vendor's form, nobody's token
"""The API token an emulator accepts unless told otherwise."""


_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # named, not bound


def _stored(
    accounts: AccountStore | Mapping[str, Account] | Iterable[Account],
) -> AccountStore:
    return accounts if isinstance(accounts, AccountStore) else AccountStore(accounts)


@define(eq=False, on_setattr=setters.NO_OP)
class Emulator:
    """A server on this machine that answers as the API does, or misbehaves as told.

    `async with Emulator(accounts) as emulator:` serves until the block is left; a plain `with`
    does so in a thread, for code without an event loop. Stopping cuts every connection; a
    stopped emulator may be started again and keeps its port. `token`, `latency` and
    `subscription` may be changed while it runs, accounts with `put`, `remove` and `replace`.

    Args:
        accounts: a mapping from email to account object, such as `GeneratedAccounts` or what
            `load_accounts` returns, or an iterable of account objects; none by default.
        token: the API token to accept; any other brings 401.
        host: the address to listen on.
        port: the port; 0 picks a free one, and `port` then tells which.
        latency: seconds that every answer is held back.
        rate_limit: requests per second; more are answered 429 with `Retry-After`. None: no limit.
        faults: percentage of the lookups per fault kind, see `FAULT_KINDS`.
        seed: of the random faults.
        subscription: False answers 402, as when the subscription has lapsed.
        empty_list_status: 200 or 404, the list endpoint's answer when there are no accounts (the
            vendor does not say which it is).
        ssl_context: serves https with this context; plain http without.
        history: how many requests and different emails are remembered.

    Raises:
        ValueError: an account without email, unknown fault kinds, or a number out of range.
    """

    accounts: AccountStore = field(factory=AccountStore, converter=_stored)
    token: str = field(default=EXAMPLE_TOKEN, kw_only=True, repr=False)
    host: str = field(default="127.0.0.1", kw_only=True)
    port: int = field(default=0, kw_only=True)
    latency: float = field(default=0.0, kw_only=True)
    rate_limit: float | None = field(default=None, kw_only=True)
    faults: Mapping[str, float] = field(factory=dict, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    subscription: bool = field(default=True, kw_only=True)
    empty_list_status: int = field(default=200, kw_only=True)
    ssl_context: ssl.SSLContext | None = field(default=None, kw_only=True, repr=False)
    history: int = field(default=10_000, kw_only=True)
    in_flight: int = field(default=0, init=False)
    peak_in_flight: int = field(default=0, init=False)
    _journal: Journal = field(init=False, repr=False)
    _connections: Connections = field(factory=Connections, init=False, repr=False)
    _rules: Rules = field(init=False, repr=False)
    _listener: Listener | None = field(default=None, init=False, repr=False)
    _thread: AbstractContextManager[None] | None = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the settings, so that a mistake shows before the server is started."""
        self._journal = Journal(self.history)
        self._rules = Rules(
            self._truth,
            RandomFaults(self.faults, seed=self.seed),
            None if self.rate_limit is None else RateLimit(self.rate_limit),
            self._journal,
        )
        if not 0 <= self.latency < math.inf:
            raise ValueError(f"latency is in seconds, 0 or more, not {self.latency}")

    # Running

    async def __aenter__(self) -> Self:
        """Start serving."""
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving."""
        await self.stop()

    def __enter__(self) -> Self:
        """Start serving in a thread and an event loop of its own, for code without one."""
        thread = in_a_thread(self, name="ltx_emulator")
        thread.__enter__()
        self._thread = thread
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.__exit__(None, None, None)

    async def start(self) -> None:
        """Listen; when this returns, requests are answered.

        Raises:
            OSError: the address cannot be used.
            RuntimeError: it is running already.
        """
        if self._listener is not None:
            raise RuntimeError("the emulator is running already")
        listener = Listener(self._decide, self._deliver, self._connections)
        self.port = await listener.start(self.host, self.port, ssl_context=self.ssl_context)
        self._listener = listener

    async def stop(self) -> None:
        """Stop listening and cut every connection; nothing happens when it is not running."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()

    @property
    def base_url(self) -> str:
        """Where it serves, without a slash at the end: what a client takes as its base URL.

        One that listens on every address of this machine names the loopback one.

        Raises:
            RuntimeError: it was never started, so its port is not known.
        """
        if self.port == 0:
            raise RuntimeError(
                "the emulator is not running: use it as `async with Emulator() as emulator`, "
                "or with a plain `with` where there is no event loop"
            )
        scheme = "http" if self.ssl_context is None else "https"
        host = _EVERYWHERE.get(self.host, self.host)
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}:{self.port}{API_PATH}"

    # Changing what it answers

    def put(self, account: Account, *, email: str | None = None) -> None:
        """Add or replace an account, under `email` or else its own email."""
        self.accounts.put(account, email=email)

    def remove(self, email: str) -> None:
        """Remove an account; KeyError when there is none."""
        self.accounts.remove(email)

    def replace(self, accounts: Mapping[str, Account] | Iterable[Account]) -> None:
        """Answer with `accounts` from now on, in place of all that there were.

        Raises:
            ValueError: an account object without an `email`.
        """
        self.accounts = _stored(accounts)

    def script(self, email: str | None, *steps: int | Step, forever: bool = False) -> None:
        """Answer the next lookups of `email` with `steps`, one each, then with the truth again.

        Scripted steps come before token check, rate limit and random faults. Further calls for
        the same email append.

        Args:
            email: whose lookups; None stands for every email that has no script of its own.
            steps: statuses or steps, such as `503`, `Status(503, headers=…)`, `Reset()`.
            forever: start again after the last step instead of going back to the truth.

        Raises:
            TypeError: something is neither a status nor a step.
        """
        self._rules.scripts.extend(email, tuple(map(as_step, steps)), forever=forever)

    def script_list(self, *steps: int | Step, forever: bool = False) -> None:
        """Answer the next requests for the list of accounts with `steps`, like `script`."""
        self._rules.list_script.steps.extend(map(as_step, steps))
        self._rules.list_script.forever = forever

    def clear_scripts(self) -> None:
        """Forget all scripted steps that were not taken yet."""
        self._rules.scripts.clear()
        self._rules.list_script.steps.clear()

    # What it was asked

    @property
    def requests(self) -> deque[RecordedRequest]:
        """The latest `history` requests, oldest first."""
        return self._journal.requests

    @property
    def request_count(self) -> int:
        """How many requests arrived so far, of any kind."""
        return self._journal.total

    def count(self, email: str) -> int:
        """Return how often `email` was looked up.

        Raises:
            LookupError: more than `history` different emails were asked for, so it is not known.
        """
        return self._journal.count(email)

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._connections.transports)

    @property
    def peak_connections(self) -> int:
        """The most connections that were open at one time."""
        return self._connections.peak

    @property
    def connection_count(self) -> int:
        """How many connections were opened so far."""
        return self._connections.opened

    # Answering

    def _truth(self, request: Request) -> Answer:
        return true_answer(
            request,
            self.accounts,
            token=self.token,
            subscription=self.subscription,
            empty_list_status=self.empty_list_status,
        )

    def _decide(self, request: Request) -> Exchange:
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight + 1)
        return self._rules.decide(request, latency=self.latency)

    async def _deliver(self, exchange: Exchange, request: web.BaseRequest) -> web.StreamResponse:
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            if exchange.latency:
                await asyncio.sleep(exchange.latency)
            return await deliver(exchange.step, exchange.answer, request=request)
        finally:
            self.in_flight -= 1
