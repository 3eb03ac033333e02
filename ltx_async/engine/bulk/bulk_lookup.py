"""Many emails: a bounded set of workers on one lazy iterator, and a bounded hand-over."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import ExitStack
from copy import copy
from operator import attrgetter
from types import TracebackType
from typing import Any, Final, Self

from attrs import define, field

from ltx_async.engine.bounds import Bounds
from ltx_async.engine.bulk.source import END, End, Feed, check_source
from ltx_async.engine.logs import doubts
from ltx_async.engine.lookup import look_up
from ltx_async.engine.run import Run, RunEndedError
from ltx_async.engine.shared import Shared
from ltx_async.engine.suspicion import Suspicion
from ltx_async.errors import ConfigurationError, LTXError
from ltx_async.models import Lookup, Outcome, Stats

_FEW: Final = 3  # emails of which none is found, when the run is over
_MANY: Final = 20  # emails of which none is found, while it goes on
_ORDERED_WINDOW: Final = 1_000  # results that may wait for one slow email before them


@define(eq=False, repr=False)
class BulkLookup:
    """The lookups of many emails; made by `LTXClient.lookup_many`, used once.

    Iterate over it inside `async with`, or await it for a list in input order::

        async with client.lookup_many(emails) as lookups:
            async for lookup in lookups:
                ...
        lookups = await client.lookup_many(emails)

    Emails are taken from the source only as results are consumed: at most twice
    `concurrency` ahead, or with `ordered` the larger of 1,000 and ten times
    `concurrency`. There is one `Lookup` per position, duplicates included. Leaving
    the block cancels and awaits every worker.

    Raises:
        LTXError: out of the iteration, when the run ended early: after 401, 402, an
            untrusted certificate, a wait over the cap, an outage, or because nobody gets
            an answer of the API. What was in
            flight is delivered first; where the run was awaited it is in `delivered`.
    """

    _shared: Shared
    _bounds: Bounds
    _source: Iterable[str] | AsyncIterable[str]
    _ordered: bool = False
    _owner: object = None  # the client, which nobody else may hold during the run
    _concurrency: int = field(init=False)
    _window: int = field(init=False)
    _run: Run = field(init=False)
    _suspicion: Suspicion = field(init=False)
    _emails: Iterator[str] | None = field(init=False, default=None)
    _feed: Feed | None = field(init=False, default=None)
    _turn: asyncio.Lock = field(init=False, factory=asyncio.Lock)
    _running: ExitStack = field(init=False, factory=ExitStack)
    _entered: bool = field(init=False, default=False)
    _workers: set[asyncio.Task[None]] = field(init=False, factory=set)
    _active: int = field(init=False, default=0)
    _done: deque[Lookup] = field(init=False, factory=deque)
    _early: dict[int, Lookup] = field(init=False, factory=dict)
    _pending: dict[int, str] = field(init=False, factory=dict)
    _delivered: list[Lookup] = field(init=False, factory=list)
    _taken: int = field(init=False, default=0)
    _given: int = field(init=False, default=0)
    _exhausted: bool = field(init=False, default=False)
    _failure: BaseException | None = field(init=False, default=None)
    _doubted: bool = field(init=False, default=False)
    _room: deque[asyncio.Future[None]] = field(init=False, factory=deque)
    _ready: asyncio.Future[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        check_source(self._source)
        self._run = Run()
        self._suspicion = Suspicion(self._shared, self._bounds, self._run)
        self._concurrency = self._shared.limiter.wanted  # fewer are for a while only
        twice = 2 * self._concurrency
        self._window = max(_ORDERED_WINDOW, 5 * twice) if self._ordered else twice

    def __repr__(self) -> str:
        finished = sum(self._run.counters.outcomes.values())
        start = "" if self._entered else " (not started; lookup_all is the coroutine)"
        return (
            f"<BulkLookup concurrency={self._concurrency} ordered={self._ordered} "
            f"finished={finished}{start}>"
        )

    @property
    def stats(self) -> Stats:
        """Where the run stands; ask at any time."""
        return self._run.counters.stats(self._shared.limiter.pace)

    @property
    def delivered(self) -> Sequence[Lookup]:
        """What an awaited run has given so far, in input order, also after it ended early.

        A run that is iterated over keeps nothing, so that its memory stays flat: there it
        is empty.
        """
        return tuple(sorted(self._delivered, key=attrgetter("index")))

    def pending(self) -> Sequence[str]:
        """Return the emails, in input order, that were taken and have no lookup given out yet.

        After the run has ended or was left, these are the ones to ask again, before what is
        left of the source.
        """
        return tuple(email for _, email in sorted(self._pending.items()))

    def stop(self) -> None:
        """Take no further email; what is in flight finishes, and the iteration ends after it.

        It may be called more than once, and by whoever has the run in the same event loop.
        """
        self._exhausted = True
        self._run.more = False
        if self._feed is not None:
            self._feed.stop()
        for waiter in self._room:
            if not waiter.done():
                waiter.set_result(None)

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigurationError(
                "this BulkLookup was used before", hint="Call lookup_many again for another run."
            )
        self._shared.bind()
        self._entered = True
        self._running.enter_context(self._shared.running())
        if isinstance(self._source, AsyncIterable):
            self._feed = Feed(self._source)
        else:
            self._emails = iter(self._source)
        for _ in range(self._concurrency):
            self._add_worker()
        self._run.on_sleep = self._add_spare
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._failure is None:
            self._failure = ConfigurationError("the block of this BulkLookup has been left")
        for worker in self._workers:
            worker.cancel()
        while self._workers:
            await asyncio.wait(self._workers)
        self._done.clear()
        self._running.close()
        self._owner = None
        if self._feed is not None:
            await self._feed.stopped()

    def __aiter__(self) -> AsyncIterator[Lookup]:
        if not self._entered:
            raise ConfigurationError(
                "a BulkLookup must be entered before it is iterated over",
                hint="Write: async with client.lookup_many(emails) as lookups: … "
                "Only so can an early exit stop what is still running.",
            )
        return self

    async def __anext__(self) -> Lookup:
        while not self._done:
            if not self._workers:
                self._raise_end()
            if self._ready is not None and not self._ready.done():
                raise ConfigurationError("somebody else is iterating over this BulkLookup")
            self._ready = asyncio.get_running_loop().create_future()
            await self._ready
        self._given += 1
        self._make_room()
        lookup = self._done.popleft()
        del self._pending[lookup.index]
        return lookup

    def __await__(self) -> Generator[Any, None, list[Lookup]]:
        return self._all().__await__()

    async def _all(self) -> list[Lookup]:
        async with self:
            async for lookup in self:
                self._delivered.append(lookup)
        return list(self.delivered)

    def _raise_end(self) -> None:
        failure = self._failure or self._run.ended
        if failure is None:
            self._doubt(least=_FEW)
            raise StopAsyncIteration
        if isinstance(failure, LTXError):
            raise copy(failure)  # its traceback would grow each time, and keep all its frames
        self._failure = ConfigurationError(f"this run ended with {type(failure).__name__} before")
        raise failure

    def _doubt(self, *, least: int) -> None:
        """Say once what it may mean that nobody is found."""
        if not self._doubted and self._run.counters.finds_nothing(least=least):
            self._doubted = True
            doubts.warning(
                "none of %d emails was found: `await client.list_accounts()` tells whether the "
                "base URL is right, and which accounts this token has",
                self._run.counters.outcomes[Outcome.NOT_FOUND],
            )

    # Workers

    def _add_worker(self) -> None:
        worker = asyncio.get_running_loop().create_task(self._work())
        self._active += 1
        self._workers.add(worker)
        worker.add_done_callback(self._retired)

    def _add_spare(self) -> None:
        """Stand in for a worker that sleeps, so that no slot stays empty.

        One that is set aside may not wake before another email is answered: so it counts
        neither among the workers nor in the window of the consumer.
        """
        self._make_room()
        if not self._exhausted and self._active < 2 * self._concurrency + self._run.asides:
            self._add_worker()

    def _retired(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled():
            worker.exception()  # `__anext__` raises it; the loop need not log it as well
        if not self._workers:
            self._done += (self._early.pop(index) for index in sorted(self._early))
            self._wake()

    async def _work(self) -> None:
        """Look up one email after the other, until there is none or this worker is not needed.

        An email of a plain iterable is taken without an `await` where the consumer is near:
        that saves a coroutine for each of them.
        """
        run, shared, bounds = self._run, self._shared, self._bounds
        emails, suspicion = self._emails, self._suspicion
        try:
            while self._active <= self._concurrency + run.sleepers:
                if run.pause is not None:
                    await run.paused()
                if emails is not None and self._is_near:
                    email = self._next(emails)
                else:
                    email = await self._take()
                if email is END:
                    self._exhausted = True
                    run.more = False
                    return
                index = self._taken
                self._taken += 1
                self._pending[index] = email
                lookup = await look_up(shared, bounds, index, email, run)
                self._deliver(lookup)
                error = lookup.error
                if (error is not None or suspicion.alike) and suspicion.note(error):
                    assert error is not None
                    await suspicion.settle(error)
        except RunEndedError:
            pass
        except BaseException as error:
            self._exhausted = True
            self._failure = self._failure or error
            raise
        finally:
            self._active -= 1

    async def _take(self) -> str | End:
        """Return the next email, as soon as the consumer is so near that one may be taken."""
        with self._run.waiting():
            if self._emails is not None:
                await self._nearness()
                return self._next(self._emails)
            assert self._feed is not None
            async with self._turn:
                await self._nearness()
                return END if self._over else await self._feed.next()

    def _next(self, emails: Iterator[str]) -> str | End:
        return END if self._over else next(emails, END)

    async def _nearness(self) -> None:
        """Wait until fewer results than the window holds are not yet consumed."""
        while not self._is_near and not self._over:
            room = asyncio.get_running_loop().create_future()
            self._room.append(room)
            await room

    @property
    def _is_near(self) -> bool:
        return self._taken - self._given < self._window + self._run.asides

    def _make_room(self) -> None:
        """Let one more email be taken."""
        while self._room:
            waiter = self._room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    @property
    def _over(self) -> bool:
        """Whether no further email is to be taken."""
        return self._exhausted or self._run.ended is not None

    def _deliver(self, lookup: Lookup) -> None:
        self._run.counters.count(lookup)
        if lookup.outcome is Outcome.NOT_FOUND:
            self._doubt(least=_MANY)
        if self._ordered:
            self._early[lookup.index] = lookup
            while (following := self._given + len(self._done)) in self._early:
                self._done.append(self._early.pop(following))
        else:
            self._done.append(lookup)
        if self._done:
            self._wake()

    def _wake(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)
