"""Who sends when: slots are granted in turn, at the pace that is set or was learned."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from typing import Final

from attrs import define, field, setters
from attrs.validators import optional

from ltx_async.engine.pace import LATENESS_FORGIVEN, Cycle, Pacing, least_gap
from ltx_async.errors import ConfigurationError
from ltx_async.retry import count_in, number_in

_MOST = 100_000
_REST = 1.0  # seconds without a request after which earlier replies say nothing about the pace
_NO_LIMIT: Final = "Leave it out, or pass None, for no limit."
_RATES: Final = number_in(1e-6, 1e6, of="requests per second", hint=_NO_LIMIT)


@define(eq=False, on_setattr=setters.NO_OP)  # validators run once, not at every request
class Slots:
    """The semaphore that all requests of one client pass, evenly paced.

    Use it from one event loop. How many slots there are at the moment, and whether the gate
    is open, is for the `Limiter` to say.

    Attributes:
        concurrency: the most slots there are.
        rate: the most grants per second, evenly paced without bursts; None for no limit.
        stopped: whether no slot is granted any more.
        under_way: slots that are taken.
    """

    concurrency: int = field(validator=count_in(1, _MOST))
    rate: float | None = field(default=None, validator=optional(_RATES))
    stopped: bool = field(init=False, default=False)
    under_way: int = field(init=False, default=0)
    _window: int = field(init=False)
    _opens_at: float | None = field(init=False, default=None)
    _next_start: float = field(init=False, default=0.0)
    _due: float = field(init=False, default=0.0)
    _held_up: bool = field(init=False, default=False)
    _even: bool = field(init=False)
    _cycle: Cycle = field(init=False, factory=lambda: Cycle(0.0))
    _pacing: Pacing | None = field(init=False, default=None)
    _rests_since: float = field(init=False, default=-math.inf)
    _waiters: OrderedDict[asyncio.Future[None], None] = field(init=False, factory=OrderedDict)
    _pace_timer: asyncio.TimerHandle | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._window = self.concurrency
        self._even = self.rate is not None

    def try_acquire(self) -> bool:
        """Take a slot if one is free now, nobody waits for one and the server refuses nobody."""
        if self._waiters or self._opens_at is not None or self.under_way >= self._window:
            return False
        if self._even and not self._start_due(asyncio.get_running_loop().time()):
            return False
        if not self.under_way:
            self._resume()
        self.under_way += 1
        return True

    async def acquire(self, *, first: bool = False) -> None:
        """Wait for a slot: first come, first served, the gate open and the pace kept.

        Args:
            first: whether to be served before all that wait already.

        Raises:
            ConfigurationError: the limiter was stopped, before or during the wait.
        """
        if self.try_acquire():
            return
        if self.stopped:
            raise client_closed()
        if not self.under_way and not self._waiters:
            self._resume()
        granted = asyncio.get_running_loop().create_future()
        self._waiters[granted] = None
        if first:
            self._waiters.move_to_end(granted, last=False)
        self._dispatch()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self.release()
            self._waiters.pop(granted, None)  # `_dispatch` may have removed it already
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.under_way -= 1
        if self._waiters:
            self._dispatch()
        elif not self.under_way:
            self._rests_since = asyncio.get_running_loop().time()

    def _resume(self) -> None:
        """Begin a new cycle of the learned pace if there was nothing to do for a while."""
        now = asyncio.get_running_loop().time()
        if now - self._rests_since > _REST:
            if self._pacing is None:
                self._cycle = Cycle(now)
            else:
                self._pacing.rested(now)

    def _dispatch(self) -> None:
        """Grant slots to those who wait, or set the timer for the next start."""
        loop = asyncio.get_running_loop()
        while self._waiters and self._opens_at is None and self.under_way < self._window:
            first = next(iter(self._waiters))
            if first.done():  # cancelled in the queue, or told that all is over
                del self._waiters[first]
                continue
            if self._even and not self._start_due(loop.time()):
                self._held_up = True
                if self._pace_timer is None:
                    self._pace_timer = loop.call_at(self._next_start, self._continue)
                return
            self.under_way += 1
            del self._waiters[first]
            first.set_result(None)
        self._held_up = False

    def _grant_all(self) -> None:
        """Let all who wait have a slot, however many there are."""
        for waiter in self._waiters:
            if not waiter.done():
                self.under_way += 1
                waiter.set_result(None)
        self._waiters.clear()

    def _limit_to(self, concurrency: int) -> None:
        """Let `concurrency` be the most slots from now on."""
        self.concurrency = concurrency
        self._window = min(self._window, concurrency)

    # Pace

    @property
    def next_turn(self) -> float:
        """The loop's time before which one who joins the queue now gets no slot.

        Only the gate and the pace are counted, and not how long others hold their slots.
        """
        if self.rate is None:  # a learned pace may rise before their turn comes
            return self.opens_at
        return max(self.opens_at, self._next_start) + len(self._waiters) / self.rate

    def _start_due(self, now: float) -> bool:
        """Whether the next start is due; if so, set the time of the one after it.

        Only a late timer is made up for, at the pace that was set; time in which nobody wanted to
        start is lost.
        """
        if now < self._next_start:
            return False
        gap, learned = 0.0 if self.rate is None else 1 / self.rate, False
        if self._pacing is not None:
            learned = gap <= self._pacing.shortest_gap
            gap = max(gap, self._pacing.gap(now, waited=self._held_up and learned))
        forgiven = LATENESS_FORGIVEN if self._held_up else 0.0
        self._due = self._next_start = max(self._due, now - forgiven) + gap
        if learned:
            self._next_start = max(self._due, now + least_gap(gap))
        return True

    def _continue(self) -> None:
        self._pace_timer = None
        self._dispatch()

    # When nobody sends

    @property
    def closed(self) -> bool:
        """Whether nobody may send at the moment."""
        return self._opens_at is not None

    @property
    def busy(self) -> bool:
        """Whether somebody is being asked or is going to be."""
        return self.closed or self.under_way > 0 or bool(self._waiters)

    @property
    def opens_at(self) -> float:
        """The loop's time when the gate opens; now or earlier when it is open."""
        return self._opens_at or 0.0

    def stop(self) -> None:
        """Grant no slot any more, and tell those who wait; the client is closing."""
        self.stopped, self._window = True, 0
        if self._pace_timer is not None:
            self._pace_timer.cancel()
            self._pace_timer = None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(client_closed())
        self._waiters.clear()


def client_closed() -> ConfigurationError:
    """Return the error of whatever is asked of a closed client."""
    return ConfigurationError("the client is closed", hint="Make a new LTXClient.")
