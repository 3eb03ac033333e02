"""The client for programs without an event loop: scripts, notebooks, threads, workers.

    from ltx_async.sync import LTXClient

    with LTXClient() as client:
        for lookup in client.lookup_many(emails):
            print(lookup.email, lookup.outcome)

It is the asynchronous client in an event loop and a thread of its own, so that it works where a
loop is running already, and from several threads at a time. Parameters and errors are the same.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import threading
import warnings
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Concatenate, NoReturn, ParamSpec, Self, TypeVar

from ltx_async.client import LTXClient as AsyncClient
from ltx_async.engine.bulk import BulkLookup
from ltx_async.engine.limiter import client_closed
from ltx_async.engine.parameters import set_attribute
from ltx_async.errors import ConfigurationError
from ltx_async.models import Lookup, Stats
from ltx_async.transport import HIDDEN, hidden

__all__ = ["LTXClient"]


def __dir__() -> list[str]:
    return __all__


P = ParamSpec("P")
T = TypeVar("T")
LookupGenerator = Generator[Lookup, None, None]


def _opens(
    method: Callable[Concatenate[AsyncClient, P], None],
) -> Callable[[object], Callable[Concatenate[LTXClient, P], None]]:
    """Replace the decorated placeholder by a method that makes the asynchronous client."""

    @functools.wraps(method)
    def __init__(self: LTXClient, /, *args: P.args, **kwargs: P.kwargs) -> None:  # noqa: N807
        if kwargs.get("session") is not None:
            raise ConfigurationError(
                "a borrowed session belongs to an event loop of its own",
                hint="Give no session here, or use the asynchronous client.",
            )
        # A traceback with locals may show this frame; the token may be passed without its name.
        args = tuple(map(hidden, args))  # type: ignore[assignment]
        kwargs.update((name, hidden(kwargs[name])) for name in HIDDEN if name in kwargs)
        self._client = AsyncClient(*args, **kwargs)  # type: ignore[arg-type]
        self._lock = threading.RLock()  # an iterator may be collected while it is held
        self._loop, self._closed = None, False

    return lambda _named: __init__


def _waits_for(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[[object], Callable[Concatenate[LTXClient, P], T]]:
    """Replace the decorated placeholder by a method that waits for the coroutine's result.

    Its docstring is the placeholder's, if that has one, else the coroutine function's.
    """

    @functools.wraps(method)
    def call(self: LTXClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(method(self._client, *args, **kwargs))

    def replace(named: object) -> Callable[Concatenate[LTXClient, P], T]:
        call.__doc__ = named.__doc__ or method.__doc__
        return call

    return replace


def _iterates_over(
    method: Callable[Concatenate[AsyncClient, P], BulkLookup],
) -> Callable[[object], Callable[Concatenate[LTXClient, P], LookupGenerator]]:
    """Replace the decorated placeholder by a method that iterates over a run's lookups."""

    @functools.wraps(method)
    def call(self: LTXClient, /, *args: P.args, **kwargs: P.kwargs) -> LookupGenerator:
        if self._closed:
            raise client_closed()
        return self._each(method(self._client, *args, **kwargs))

    def replace(named: object) -> Callable[Concatenate[LTXClient, P], LookupGenerator]:
        call.__doc__ = named.__doc__
        call.__annotations__ = method.__annotations__ | {"return": LookupGenerator}
        signature = inspect.signature(method).replace(return_annotation=LookupGenerator)
        call.__signature__ = signature  # type: ignore[attr-defined]
        return call

    return replace


class LTXClient:
    """Looks up LTX Studio accounts without an event loop: `ltx_async.LTXClient`, which waits.

    Use it in a `with` block or with `close()` at the end, from any number of threads. Emails are
    taken, and `on_event` is called, in the thread of its loop. Each process makes its own client.
    """

    __slots__ = (
        "__weakref__",
        "_client",
        "_closed",
        "_ended",
        "_lock",
        "_loop",
        "_process",
        "_thread",
    )

    @_opens(AsyncClient.__init__)
    def __init__(self) -> None: ...

    @_waits_for(AsyncClient.lookup)
    def lookup(self) -> None: ...  # noqa: D102 - wraps the original

    @_waits_for(AsyncClient.fetch_account)
    def fetch_account(self) -> None: ...  # noqa: D102 - wraps the original

    @_waits_for(AsyncClient.list_accounts)
    def list_accounts(self) -> None: ...  # noqa: D102 - wraps the original

    @_iterates_over(AsyncClient.lookup_many)
    def lookup_many(self) -> None:
        """Look up many accounts at a time.

        Args:
            emails: any iterable or async iterable; read lazily, in the thread of the client.
            ordered: deliver in input order, not as they complete.
            timeout: seconds for one attempt, in place of the client's.
            deadline: seconds for each lookup with its retries and waits, likewise.

        Returns:
            A generator of lookups. The run begins with the first one, and `close()` ends it. It
            raises the `LTXError` that ends a run early.

        Raises:
            ConfigurationError: the client is closed, or a bound is out of its range.
            TypeError: `emails` is no collection of emails but a single one, a table or the like.
        """

    @_waits_for(AsyncClient.lookup_all)
    def lookup_all(self) -> None:
        """Return the lookups of many emails in input order; otherwise like `lookup_many`.

        Where what was answered before an error is wanted too, iterate over a `lookup_many`.

        Raises:
            LTXError: the run ended early.
        """

    _client: AsyncClient
    _lock: threading.RLock
    _loop: asyncio.AbstractEventLoop | None
    _thread: threading.Thread
    _ended: asyncio.Event
    _process: int
    _closed: bool

    def __setattr__(self, name: str, value: object) -> None:
        set_attribute(self, name, value)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop to its end; an interrupt cancels it."""
        try:
            future = self._submit(coroutine)
        except BaseException:
            coroutine.close()
            raise
        try:
            return future.result()
        except CancelledError:
            raise client_closed() from None
        finally:
            future.cancel()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is not None and self._process != os.getpid():
            raise ConfigurationError(
                "the client was used before this process was forked",
                hint="Make one client per process, after the fork.",
            )
        if self._loop is not None and self._thread is threading.current_thread():
            raise ConfigurationError(
                "on_event and sources of emails must not wait for the client that calls them",
                hint="Hand the work to another thread, through a queue.",
            )
        with self._lock:
            if self._closed:
                raise client_closed()
            if self._loop is None:
                self._start()
            assert self._loop is not None
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _start(self) -> None:
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._ended, self._process = asyncio.Event(), os.getpid()
        serving = _serve(self._client, self._ended, started)
        self._thread = threading.Thread(
            target=asyncio.run, args=(serving,), name="ltx_async.sync", daemon=True
        )
        self._thread.start()
        self._loop = started.result()

    def _each(self, run: BulkLookup) -> LookupGenerator:
        self._run(run.__aenter__())
        try:
            while (lookup := self._run(_next(run))) is not None:
                yield lookup
        finally:
            if not self._closed:
                self._run(run.__aexit__(None, None, None))

    @property
    def stats(self) -> Stats:
        """What came of all its lookups, single ones and those of runs; ask at any time."""
        return self._client.stats

    @property
    def base_url(self) -> str:
        """Where it asks, as each lookup says."""
        return self._client.base_url

    @property
    def in_flight(self) -> int:
        """How many requests are under way just now."""
        return self._client.in_flight

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        self._client.__reduce__()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the thread, for good; safe to repeat.

        What is under way in other threads ends with a `ConfigurationError`.
        """
        if self._loop is not None and self._process != os.getpid():
            return
        with self._lock:
            closed, self._closed = self._closed, True
        if self._loop is not None and not closed:
            self._loop.call_soon_threadsafe(self._ended.set)
            if self._thread is not threading.current_thread():
                self._thread.join()

    @property
    def _is_open(self) -> bool:
        """Whether there is a thread in this process that nobody ended."""
        loop = getattr(self, "_loop", None)
        return loop is not None and not self._closed and self._process == os.getpid()

    def __repr__(self) -> str:
        return repr(self._client) if hasattr(self, "_client") else "<LTXClient>"

    def __del__(self, _warnings: Any = warnings) -> None:
        if self._is_open:
            message = f"unclosed {self._client!r}: use a with block, or close()"
            _warnings.warn(message, ResourceWarning, source=self, stacklevel=2)
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._ended.set)


async def _serve(
    client: AsyncClient, ended: asyncio.Event, started: Future[asyncio.AbstractEventLoop]
) -> None:
    started.set_result(asyncio.get_running_loop())
    await ended.wait()
    await client.aclose()


async def _next(run: BulkLookup) -> Lookup | None:
    return await anext(aiter(run), None)
