"""The lookups of many emails as users have them: entered and iterated over, or awaited."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Sequence
from contextlib import ExitStack
from copy import copy
from operator import attrgetter
from types import TracebackType
from typing import Any, Final, Self

from attrs import define, field

from ltx_async.engine.bounds import Bounds
from ltx_async.engine.bulk.hand_over import HandOver
from ltx_async.engine.bulk.shown import Lookups, html_of
from ltx_async.engine.bulk.source import check_source
from ltx_async.engine.bulk.workers import Workers
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import ConfigurationError, LTXError
from ltx_async.models import Lookup, Stats

_ANOTHER: Final = "Call lookup_many again for another run."
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
    `concurrency`; fewer where accounts are large: none where those that wait came as 16 MiB
    of JSON or more. There is one `Lookup` per position, duplicates included. Leaving
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
    _hand_over: HandOver = field(init=False)
    _workers: Workers = field(init=False)
    _running: ExitStack = field(init=False, factory=ExitStack)
    _entered: bool = field(init=False, default=False)
    _delivered: list[Lookup] = field(init=False, factory=list)
    _failure: BaseException | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        check_source(self._source)
        concurrency = self._shared.limiter.wanted  # fewer are for a while only
        window = 2 * concurrency
        if self._ordered:
            window = max(_ORDERED_WINDOW, 5 * window)
        self._hand_over = HandOver(Run(), window, self._ordered)
        self._workers = Workers(self._shared, self._bounds, self._run, self._hand_over, concurrency)

    @property
    def _run(self) -> Run:
        return self._hand_over.run

    def __repr__(self) -> str:
        start = "" if self._entered else " (not started; lookup_all is the coroutine)"
        return (
            f"<BulkLookup concurrency={self._workers.concurrency} ordered={self._ordered} "
            f"finished={self._run.counters.finished}{start}>"
        )

    def _repr_html_(self) -> str:
        """Return where the run stands as a table, for a notebook."""
        return html_of(self.stats, repr(self)[1:-1])

    @property
    def stats(self) -> Stats:
        """Where the run stands; ask at any time."""
        run, shared = self._run, self._shared
        return run.counters.stats(
            shared.limiter.pace, pending=run.pending, seconds=run.seconds(shared.clock())
        )

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
        return self._hand_over.pending

    def stop(self) -> None:
        """Take no further email; what is in flight finishes, and the iteration ends after it.

        It may be called more than once, and by whoever has the run in the same event loop.
        """
        self._workers.stop()

    def at_hand(self) -> list[Lookup]:
        """Return all lookups that can be had now without a wait; there may be none.

        It is called within the iteration, by who writes many results at a time::

            async for lookup in lookups:
                database.executemany(statement, map(row, [lookup, *lookups.at_hand()]))
        """
        hand_over = self._hand_over
        return [hand_over.give() for _ in range(len(hand_over.done))]

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigurationError("this BulkLookup was used before", hint=_ANOTHER)
        self._shared.bind()
        self._entered = True
        self._running.enter_context(self._shared.running(self._run))
        self._workers.start(self._source)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._failure is None and self._workers.failure is None:
            self._failure = ConfigurationError(
                "the block of this BulkLookup has been left", hint=_ANOTHER
            )
        try:
            await self._workers.cancelled()
        finally:  # also of one that is cancelled a second time
            self._hand_over.done.clear()
            self._running.close()
            self._owner = None
            await self._workers.source_closed()

    def __aiter__(self) -> AsyncIterator[Lookup]:
        if not self._entered:
            raise ConfigurationError(
                "a BulkLookup must be entered before it is iterated over",
                hint="Write: async with client.lookup_many(emails) as lookups: … "
                "Only so can an early exit stop what is still running.",
            )
        return self

    async def __anext__(self) -> Lookup:
        hand_over = self._hand_over
        while not hand_over.done:
            if not self._workers:
                self._raise_end()
            await hand_over.arrival()
        return hand_over.give()

    def __await__(self) -> Generator[Any, None, list[Lookup]]:
        return self._all().__await__()

    async def _all(self) -> list[Lookup]:
        async with self:
            async for lookup in self:
                self._delivered.append(lookup)
        return Lookups(self.delivered)

    def _raise_end(self) -> None:
        failure = self._failure or self._workers.failure or self._run.ended
        if failure is None:
            self._workers.doubt_in_the_end()
            raise StopAsyncIteration
        if isinstance(failure, LTXError):
            raise copy(failure)  # its traceback would grow each time, and keep all its frames
        self._failure = ConfigurationError(
            f"this run ended with {type(failure).__name__} before", hint=_ANOTHER
        )
        raise failure
