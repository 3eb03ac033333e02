"""The workers of a run: a bounded set of tasks on one lazy iterator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Final, Literal

from attrs import define, field

from ltx_async.engine.bounds import Bounds
from ltx_async.engine.bulk.hand_over import HandOver
from ltx_async.engine.bulk.short_way import ShortWay
from ltx_async.engine.bulk.source import END, LATER, Feed, Sign
from ltx_async.engine.logs import doubts
from ltx_async.engine.lookup import look_up
from ltx_async.engine.run import Run, RunEndedError
from ltx_async.engine.shared import Shared
from ltx_async.engine.suspicion import Suspicion
from ltx_async.events import NobodyFound
from ltx_async.models import Lookup, Outcome

# So many emails without an account raise the doubt that the base URL or the token is wrong:
_FEW: Final = 3  # when the run is over
_MANY: Final = 20  # while it goes on


@define(eq=False)
class Workers:
    """Take emails and look them up, until there are none or the run has ended.

    Attributes:
        shared: what all lookups of the client share.
        bounds: how long each lookup may take.
        run: the run they work for.
        hand_over: where their results go.
        concurrency: how many there are, not counting those that stand in for sleepers.
        failure: the exception that a worker or the source raised; None where none did.
    """

    shared: Shared
    bounds: Bounds
    run: Run
    hand_over: HandOver
    concurrency: int
    failure: BaseException | None = field(init=False, default=None)
    _suspicion: Suspicion = field(init=False)
    _emails: Iterator[str] | None = field(init=False, default=None)
    _feed: Feed | None = field(init=False, default=None)
    _at_once: Callable[[], str | None] | None = field(init=False, default=None)
    _turn: asyncio.Lock = field(init=False, factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(init=False, factory=set)
    _active: int = field(init=False, default=0)
    _exhausted: bool = field(init=False, default=False)
    _doubted: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._suspicion = Suspicion(self.shared, self.bounds, self.run)

    def start(self, source: Iterable[str] | AsyncIterable[str]) -> None:
        """Begin to work, in the running loop."""
        if isinstance(source, AsyncIterable):
            self._feed = Feed(source, self.hand_over.take)
            self._at_once = self._feed.at_hand
        else:
            self._emails = iter(source)
        for _ in range(self.concurrency):
            self._add()
        self.run.on_sleep = self._add_spare

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def stop(self) -> None:
        """Take no further email; what is in flight finishes."""
        self._exhausted = True
        self.run.more = False
        if self._feed is not None:
            self._feed.stop()
        self.hand_over.make_room_for_all()

    async def cancelled(self) -> None:
        """Cancel all of them, and wait until they are gone."""
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def source_closed(self) -> None:
        """Wait until an asynchronous source is closed.

        Raises:
            BaseException: what the source raised meanwhile, if no other caller got it.
        """
        if self._feed is not None:
            await self._feed.stopped()

    def _add(self) -> None:
        task = asyncio.get_running_loop().create_task(self._work())
        self._active += 1
        self._tasks.add(task)
        task.add_done_callback(self._retired)

    def _add_spare(self) -> None:
        """Stand in for a worker that sleeps, so that no slot stays empty.

        A lookup that is set aside may not wake before another email is answered. So it counts
        neither as a worker nor in the window of the consumer.
        """
        self.hand_over.make_room()
        if not self._exhausted and self._active < 2 * self.concurrency + self.run.asides:
            self._add()

    def _retired(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen: the consumer raises it, asyncio need not log it
        if not self._tasks:
            if self._feed is not None:
                self._feed.leave()
            self.run.over_at = self.shared.clock()
            self.hand_over.finish()

    async def _work(self) -> None:
        """Look up one email after the other, until there is none or this worker is not needed.

        An email that is at hand is taken without an `await` where the consumer is near: that
        saves a coroutine for each of them.
        """
        run, shared, bounds, hand_over = self.run, self.shared, self.bounds, self.hand_over
        short_way = self._short_way()
        try:
            while self._is_needed:
                if short_way is not None and (left := await short_way.go()) is not None:
                    held, sent = left.holds_slot, left.sent
                    lookup = await look_up(
                        shared, bounds, left.index, left.email, run, holds_slot=held, sent=sent
                    )
                else:
                    email = self._at_hand()
                    if email is LATER:
                        email = await self._take()
                    if email is END:
                        self._exhausted = True
                        run.more = False
                        return
                    lookup = await look_up(shared, bounds, hand_over.take(email), email, run)
                if self._finish(lookup):
                    assert lookup.error is not None
                    await self._suspicion.settle(lookup.error)
        except RunEndedError:
            pass
        except BaseException as error:
            self._exhausted = True
            self.failure = self.failure or error
            raise
        finally:
            self._active -= 1

    def _at_hand(self) -> str | Sign:
        """Return the next email if that takes no wait, else LATER: `_take` is to be asked.

        Workers that already wait for an email are served first, so there must be none.
        """
        run = self.run
        if run.pause is not None or not self.hand_over.is_near:
            return LATER
        over = self._exhausted or run.ended is not None
        if self._emails is not None:
            return END if over else next(self._emails, END)
        if self._turn.locked() or over:
            return LATER
        return self._given_at_once()

    def _given_at_once(self) -> str | Sign:
        """Return what an asynchronous source gives without a wait; nobody may wait for it."""
        email = None if self._at_once is None else self._at_once()
        return LATER if email is None else email

    def _next_at_hand(self) -> str | Sign:
        """Return what is at hand for a worker that has just finished an email."""
        return self._at_hand() if self._is_needed else LATER

    def _short_way(self) -> ShortWay | None:
        """Return a short way for one worker, where the transport and the source have one."""
        post = self.shared.transport.post
        if post is None or (self._emails is None and self._at_once is None):
            return None
        take, note = self._next_at_hand, self.hand_over.take
        return ShortWay(self.shared, self.bounds, self.run, post, take, note, self._finish)

    def _finish(self, lookup: Lookup) -> bool:
        """Count a result and hand it over; return whether the list is to be asked for now."""
        self.run.counters.count(lookup)
        if lookup.outcome is Outcome.NOT_FOUND:
            self._doubt(least=_MANY)
        self.hand_over.deliver(lookup)
        error, suspicion = lookup.error, self._suspicion
        return (error is not None or suspicion.alike > 0) and suspicion.note(error)

    async def _take(self) -> str | Literal[Sign.END]:
        """Return the next email, once few enough results wait for the consumer."""
        if self.run.pause is not None:
            await self.run.paused()
        with self.run.waiting():
            await self._nearness()
            if self._emails is not None:
                return END if self._over else next(self._emails, END)
            email = self._at_hand()
            if email is not LATER:
                return email
            assert self._feed is not None
            async with self._turn:
                await self._nearness()
                if self._over:
                    return END
                email = self._given_at_once()
                return await self._feed.next() if email is LATER else email

    async def _nearness(self) -> None:
        """Wait until fewer results than the window allows wait for the consumer."""
        while not self.hand_over.is_near and not self._over:
            await self.hand_over.room()

    @property
    def _is_needed(self) -> bool:
        """Whether there are not more workers than slots and sleepers."""
        return self._active <= self.concurrency + self.run.sleepers

    @property
    def _over(self) -> bool:
        """Whether no further email is to be taken."""
        return self._exhausted or self.run.ended is not None

    def doubt_in_the_end(self) -> None:
        """Say, unless it was said before, what it may mean that no account was found."""
        self._doubt(least=_FEW)

    def _doubt(self, *, least: int) -> None:
        if not self._doubted and self.run.counters.finds_nothing(least=least):
            self._doubted = True
            asked = self.run.counters.outcomes[Outcome.NOT_FOUND]
            self.shared.listener.tell(NobodyFound(asked))
            doubts.warning(
                "none of %d emails was found: `await client.list_accounts()` tells whether the "
                "base URL is right, and which accounts this API token has",
                asked,
            )
