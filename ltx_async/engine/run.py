"""What the lookups of one run share: whether it goes on, who waits, and what was counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from ltx_async.engine.stats import Counters
from ltx_async.errors import LTXError
from ltx_async.models import Stats


class RunEndedError(Exception):
    """Ends a lookup that stays pending, because its run has ended; it never reaches a caller."""


@define(eq=False)
class Run:
    """The state of one `lookup_many`: its end, its waits, its counters.

    Attributes:
        counters: what was done so far.
        taken: emails taken so far.
        began_at: the clock's time when it was entered.
        over_at: the clock's time when its last worker had ended; None before that.
        ended: why the run takes no further email; None while it goes on.
        more: whether there may be further emails to take.
        answered: whether any of its emails was answered.
        sleepers: lookups that sleep before a retry or are set aside.
        asides: the sleepers that are set aside.
        pause: set when further emails may be taken again; None while there is no pause.
        on_sleep: called whenever there is one more sleeper.
    """

    counters: Counters = field(factory=Counters)
    taken: int = 0
    began_at: float | None = None
    over_at: float | None = None
    ended: LTXError | None = None
    more: bool = True
    answered: bool = False
    sleepers: int = 0
    asides: int = 0
    pause: asyncio.Event | None = None
    on_sleep: Callable[[], None] | None = None
    _closing: object = field(init=False, default=None)
    _bears_until: float = field(init=False, default=0.0)
    _waiting: set[asyncio.Task[Any]] = field(init=False, factory=set)
    _stopped: set[asyncio.Task[Any]] = field(init=False, factory=set)

    @property
    def pending(self) -> int:
        """How many emails were taken and have no result yet."""
        return self.taken - self.counters.finished

    def seconds(self, now: float) -> float:
        """Return how long it has gone on by now."""
        if self.began_at is None:
            return 0.0
        return (now if self.over_at is None else self.over_at) - self.began_at

    # The end

    def end(self, error: LTXError) -> None:
        """End the run because of `error`: waits are cut short, requests in flight finish."""
        if self.ended is None:
            self.ended = error
            self._stopped |= self._waiting
            for task in self._waiting:
                task.cancel()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark a wait that the end of the run is to cut short.

        Raises:
            RunEndedError: the run has ended, before or during the wait.
        """
        if self.ended is not None:
            raise RunEndedError
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._stopped or task.uncancel() > 0:
                raise
        else:
            return
        finally:
            self._waiting.discard(task)
            self._stopped.discard(task)
        raise RunEndedError

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends, and let somebody else have the slot meanwhile.

        Raises:
            RunEndedError: the run has ended, before or during the sleep.
        """
        with self.waiting(), self._sleeping():
            await asyncio.sleep(seconds)

    @contextlib.contextmanager
    def _sleeping(self) -> Iterator[None]:
        self.sleepers += 1
        if self.on_sleep is not None:
            self.on_sleep()
        try:
            yield
        finally:
            self.sleepers -= 1

    @contextlib.contextmanager
    def setting_aside(self) -> Iterator[None]:
        """Mark a lookup whose place another email takes until somebody is answered."""
        self.asides += 1
        try:
            with self._sleeping():
                yield
        finally:
            self.asides -= 1

    @contextlib.contextmanager
    def pausing(self) -> Iterator[None]:
        """Have nobody take a further email meanwhile; one pause at a time."""
        assert self.pause is None
        self.pause = asyncio.Event()
        try:
            yield
        finally:
            self.pause.set()
            self.pause = None

    async def paused(self) -> None:
        """Wait for the end of a pause.

        Raises:
            RunEndedError: the run has ended, before or during it.
        """
        with self.waiting():
            if self.pause is not None:
                await self.pause.wait()

    # Throttles

    def bears(self, closing: object, now: float, *, until: float) -> bool:
        """Note a throttle, and return whether the run goes on.

        Args:
            closing: identifies the stretch of time in which every request was throttled; None
                where there is no such stretch.
            now: the loop's time.
            until: when the run ends, if this throttle is the first of a stretch.
        """
        if self._closing is not closing:
            self._closing, self._bears_until = closing, until
        return closing is None or now < self._bears_until


@define(eq=False)
class Tally:
    """What came of all lookups of a client.

    Attributes:
        counters: of single lookups, and of the runs that are over.
        runs: the runs that go on.
        began_at: the clock's time of the client's first call; None before it.
    """

    counters: Counters = field(init=False, factory=Counters)
    runs: list[Run] = field(init=False, factory=list)
    began_at: float | None = field(init=False, default=None)
    _singles: int = field(init=False, default=0)

    @contextlib.contextmanager
    def running(self, run: Run, now: float) -> Iterator[None]:
        """Mark a run, which counts by itself until it is over."""
        self.runs.append(run)
        run.began_at = now
        try:
            yield
        finally:
            self.runs.remove(run)
            self.counters.merge(run.counters)

    @contextlib.contextmanager
    def single(self) -> Iterator[Counters]:
        """Mark a single lookup, which counts what comes of it."""
        self._singles += 1
        try:
            yield self.counters
        finally:
            self._singles -= 1

    def stats(self, pace: float | None, now: float) -> Stats:
        """Return what came of all of them by now, beside the learned pace."""
        total, pending = Counters(), self._singles
        for counters in (self.counters, *(run.counters for run in self.runs)):
            total.merge(counters)
        pending += sum(run.pending for run in self.runs)
        seconds = 0.0 if self.began_at is None else now - self.began_at
        return total.stats(pace, pending=pending, seconds=seconds)
