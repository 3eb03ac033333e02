"""How many requests may be under way, how fast they start, and when nobody may send.

After a throttle a single request tries whether the gate may open, and then the pace that
was learned holds. After an outage the window grows from one, doubling per round of
successes, as in TCP's slow start (RFC 5681 3.1) with requests in place of segments.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field, setters

from ltx_async.engine.pace import Cycle, Pacing
from ltx_async.errors import ConfigurationError

_LATENESS_FORGIVEN = 0.01  # seconds that a late timer may be made up for; too little for a burst
_MOST = 100_000
_GROWS_EVERY = 2.0  # seconds; what lacked may be there again, and to find out costs one attempt
_REST = 1.0  # seconds without a request after which what was accepted says nothing of the pace


def _check_concurrency(_limiter: Limiter, _attribute: object, value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise ConfigurationError(f"concurrency must be an integer from 1 to {_MOST}, not {value!r}")


def _check_rate(_limiter: Limiter, _attribute: object, value: float | None) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 1e-6 <= value <= 1e6:
        raise ConfigurationError(f"rate must be a number of requests per second, not {value!r}")


@define(eq=False, on_setattr=setters.NO_OP)  # validators run once, not at every request
class Limiter:
    """The semaphore that all requests of one client pass, with pacing and a gate.

    Use it from one event loop. A slot covers one attempt: take it with `try_acquire`
    or `acquire`, report with `succeeded` or `refused`, then give it back with `release`.

    Attributes:
        concurrency: the most slots there are; for a while fewer than `wanted` after `lower`.
        wanted: the most slots that there are where nothing lacks.
        rate: the most grants per second, evenly paced without bursts; None for no limit.
        on_open: called with the window when the gate opens.
        on_pace: called with the learned requests per second, and the learned number at a
            time, if any, whenever the former has moved by a tenth.
        stopped: whether no slot is granted any more.
        under_way: slots that are taken.
    """

    concurrency: int = field(validator=_check_concurrency)
    rate: float | None = field(default=None, validator=_check_rate)
    on_open: Callable[[int], None] | None = None
    on_pace: Callable[[float, int | None], None] | None = None
    wanted: int = field(init=False)
    stopped: bool = field(init=False, default=False)
    under_way: int = field(init=False, default=0)
    _window: int = field(init=False)
    _slow_start: bool = field(init=False, default=False)
    _successes: int = field(init=False, default=0)
    _opens_at: float | None = field(init=False, default=None)
    _throttled: bool = field(init=False, default=False)
    _refuses_until: float = field(init=False, default=0.0)
    _next_start: float = field(init=False, default=0.0)
    _held_up: bool = field(init=False, default=False)
    _even: bool = field(init=False)
    _cycle: Cycle = field(init=False, factory=lambda: Cycle(0.0))
    _pacing: Pacing | None = field(init=False, default=None)
    _rests_since: float = field(init=False, default=-math.inf)
    _waiters: OrderedDict[asyncio.Future[None], None] = field(init=False, factory=OrderedDict)
    _gate_timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _pace_timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _growth_timer: asyncio.TimerHandle | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._window = self.wanted = self.concurrency
        self._even = self.rate is not None

    # Slots

    def try_acquire(self) -> bool:
        """Take a slot if one is to be had at once, nobody waits for it and nobody is refused."""
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
            self._waiters.pop(granted, None)  # not there when `_dispatch` met it first
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.under_way -= 1
        if self._waiters:
            self._dispatch()
        elif not self.under_way:
            self._rests_since = asyncio.get_running_loop().time()

    def _resume(self) -> None:
        """Count anew if there was nothing to do for a while."""
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

    # Pace

    @property
    def paced(self) -> bool:
        """Whether what was learned of the server's limits holds the client back."""
        return self._pacing is not None and self._pacing.holds

    @property
    def closing(self) -> Cycle | None:
        """The cycle that ended with a throttle, until a request is accepted again."""
        return self._pacing.cycle if self._pacing is not None and self._pacing.closed else None

    @property
    def pace(self) -> float | None:
        """The requests per second that were learned; None before a throttle."""
        return None if self._pacing is None else self._pacing.rate

    @property
    def next_turn(self) -> float:
        """The loop's time before which one who joins the queue now gets no slot.

        Only the gate and the pace are counted, and not how long others hold their slots.
        """
        if self.rate is None:  # a learned pace may be quicker by then
            return self.opens_at
        return max(self.opens_at, self._next_start) + len(self._waiters) / self.rate

    def _start_due(self, now: float) -> bool:
        """Whether the next start is due; if so, set the time of the one after it.

        Only a late timer is made up for: time in which nobody wanted to start is lost.
        """
        if now < self._next_start:
            return False
        gap = 0.0 if self.rate is None else 1 / self.rate
        if self._pacing is not None:
            binding = gap <= self._pacing.shortest_gap
            gap = max(gap, self._pacing.gap(now, waited=self._held_up and binding))
        forgiven = _LATENESS_FORGIVEN if self._held_up else 0.0
        self._next_start = max(self._next_start, now - forgiven) + gap
        return True

    def _continue(self) -> None:
        self._pace_timer = None
        self._dispatch()

    # The gate

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

    def close(self, seconds: float, *, throttle: bool = False) -> bool:
        """Let nobody send for `seconds`; a gate that is closed already only stays so for longer.

        Args:
            seconds: from now.
            throttle: whether the server asked for it, so that nothing opens it sooner.

        Returns:
            Whether the gate was open before.
        """
        if self.stopped:
            return False
        self._throttled |= throttle
        loop = asyncio.get_running_loop()
        opens_at = loop.time() + seconds
        was_open = self._opens_at is None
        if was_open or opens_at > self.opens_at:
            self._opens_at = opens_at
            if self._gate_timer is not None:
                self._gate_timer.cancel()
            self._gate_timer = loop.call_at(opens_at, self._open)
        return was_open

    def reopen(self) -> None:
        """Open the gate before its time, unless a throttle has closed it."""
        if self._gate_timer is not None and not self._throttled:
            self._gate_timer.cancel()
            self._open()

    def _open(self) -> None:
        self._opens_at = self._gate_timer = None
        self._throttled = self._held_up = False
        if self._pacing is not None and self._pacing.closed:
            now = asyncio.get_running_loop().time()
            self._pacing.opened(now)
            if self.rate is None:
                self._next_start = now  # a trial asks whether the gate may open, at no pace
            self._window = self.under_way + 1  # the slow ones of before are nobody's trial
        else:
            self._window, self._successes, self._slow_start = 1, 0, True
        if self.on_open is not None:
            self.on_open(1)
        self._dispatch()

    # What came of the requests

    def succeeded(self, sent_at: float) -> None:
        """Report a reply that was no throttle.

        Args:
            sent_at: the loop's time when its request was sent.
        """
        if self._pacing is not None:
            self._learn(self._pacing, sent_at)
            return
        self._cycle.accepted += 1
        if self._slow_start and self._opens_at is None:
            self._widen(self.concurrency)

    def refused(self, sent_at: float, *, stated: float | None = None) -> int:
        """Report a throttle and learn from it; the gate is the caller's to close.

        Args:
            sent_at: the loop's time when its request was sent.
            stated: requests per second that the server says it allows.

        Returns:
            How many requests in a row were throttled that had been sent alone, to see
            whether the gate may open.
        """
        if self._pacing is None:
            self._pacing, self._even = Pacing(self._cycle), True
        self._narrow(self._pacing, sent_at)
        now = asyncio.get_running_loop().time()
        return self._pacing.refused(now, sent_at, self.under_way, stated=stated)

    def _learn(self, pacing: Pacing, sent_at: float) -> None:
        self._narrow(pacing, sent_at)
        now = asyncio.get_running_loop().time()
        if pacing.accepted(now, sent_at, self.under_way):
            self._slow_start = False
            self._next_start = max(self._next_start, sent_at + pacing.shortest_gap)
        if self.on_pace is not None and (rate := pacing.news()) is not None:
            self.on_pace(rate, pacing.cap.limit)
        if self._opens_at is None and not pacing.closed and not self.stopped:
            self._widen(self._most(now))

    def _narrow(self, pacing: Pacing, sent_at: float) -> None:
        """Let nobody take the place of a slow request while another one tries the gate."""
        if self._opens_at is None and pacing.is_of_before(sent_at):
            self._window -= 1

    def widen(self) -> None:
        """Let as many be under way as before an outage, without a slow start."""
        self._slow_start = False
        pacing = self._pacing
        if self._opens_at is None and not self.stopped and (pacing is None or not pacing.closed):
            self._widen(self._most(asyncio.get_running_loop().time()))

    def _most(self, now: float) -> int:
        cap = None if self._pacing is None else self._pacing.cap.window(now)
        return self.concurrency if cap is None else min(self.concurrency, cap)

    def _widen(self, most: int) -> None:
        """Let `most` be under way; after an outage, twice as many after each round."""
        if self._slow_start:
            self._successes += 1
            if self._successes < self._window:
                return
            self._successes, wider = 0, min(2 * self._window, most)
            self._slow_start, most = wider < most, wider
        if most != self._window:
            self._window = most
            self._dispatch()

    # Limits that the machine or the server sets

    def lower(self) -> int:
        """Reduce `concurrency` to what is under way, by one at least, and return it.

        It grows again by one, two, four and so on, until something lacks once more.
        Call it after `release`: the caller's own slot is one that could not be used.
        """
        self.concurrency = max(1, min(self.concurrency - 1, self.under_way))
        self._window = min(self._window, self.concurrency)
        if not self.stopped:
            self._grow_later(1)
        return self.concurrency

    def _grow_later(self, by: int) -> None:
        if self._growth_timer is not None:
            self._growth_timer.cancel()
        self._growth_timer = asyncio.get_running_loop().call_later(_GROWS_EVERY, self._grow, by)

    def _grow(self, by: int) -> None:
        self._growth_timer = None
        self.concurrency = min(self.wanted, self.concurrency + by)
        if self.concurrency < self.wanted:
            self._grow_later(2 * by)
        if not self._slow_start:  # which goes on to the new number by itself
            self.widen()

    def refuse(self, seconds: float) -> None:
        """Close the gate for longer than anybody waits, and let those who do find out.

        They get a slot, and see by `refused_for` that it is to be given back.
        """
        until = asyncio.get_running_loop().time() + seconds
        self._refuses_until = max(self._refuses_until, until)
        self.close(seconds, throttle=True)
        for waiter in self._waiters:
            if not waiter.done():
                self.under_way += 1
                waiter.set_result(None)
        self._waiters.clear()

    def refused_for(self) -> float:
        """Return the seconds until the server wants to be asked again, 0 or less if it does."""
        if not self._refuses_until:
            return 0.0
        return self._refuses_until - asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Grant no slot any more, and tell those who wait; the client is closing."""
        self.stopped, self._window = True, 0
        for timer in (self._gate_timer, self._pace_timer, self._growth_timer):
            if timer is not None:
                timer.cancel()
        self._gate_timer = self._pace_timer = self._growth_timer = None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(client_closed())
        self._waiters.clear()


def client_closed() -> ConfigurationError:
    """Return the error of whatever is asked of a closed client."""
    return ConfigurationError("the client is closed", hint="Make a new LTXClient.")
