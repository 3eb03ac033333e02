"""How many requests may be under way, and when nobody may send.

After a throttle a single request tries whether the gate may open, and then the pace that
was learned holds. After an outage the window grows from one, doubling per round of
successes, as in TCP's slow start (RFC 5681 3.1) with requests in place of segments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import define, field, setters

from ltx_async.engine.pace import Cycle, Pacing
from ltx_async.engine.slots import Slots, client_closed

__all__ = ["Limiter", "client_closed"]
_GROWS_EVERY = 2.0  # seconds; descriptors may be free again, and to find out costs one attempt


@define(eq=False, on_setattr=setters.NO_OP)
class Limiter(Slots):
    """The slots of one client: how many there are, from what came of the requests, and the gate.

    A slot covers one attempt: take it with `try_acquire` or `acquire`, report with
    `succeeded` or `refused`, then give it back with `release`.

    Attributes:
        concurrency: the most slots there are; for a while fewer than `wanted` after `lower`.
        on_open: called with the window when the gate opens.
        on_pace: called with the learned requests per second, and the learned number at a
            time, if any, whenever the former has moved by a tenth.
        wanted: the most slots there are while this machine has descriptors enough.
    """

    on_open: Callable[[int], None] | None = None
    on_pace: Callable[[float, int | None], None] | None = None
    wanted: int = field(init=False)
    _slow_start: bool = field(init=False, default=False)
    _successes: int = field(init=False, default=0)
    _throttled: bool = field(init=False, default=False)
    _refuses_until: float = field(init=False, default=0.0)
    _gate_timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _growth_timer: asyncio.TimerHandle | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.wanted = self.concurrency

    # The gate

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
                self._due = self._next_start = now  # a single trial request need not keep any pace
            self._window = self.under_way + 1  # room for a trial beside older requests under way
        else:
            self._window, self._successes, self._slow_start = 1, 0, True
        if self.on_open is not None:
            self.on_open(1)
        self._dispatch()

    def stop(self) -> None:
        """Grant no slot any more, and tell those who wait; the client is closing."""
        for timer in (self._gate_timer, self._growth_timer):
            if timer is not None:
                timer.cancel()
        self._gate_timer = self._growth_timer = None
        super().stop()

    # What was learned

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

    def refused(
        self, sent_at: float, *, told: bool = True, stated: float | None = None
    ) -> int | None:
        """Report a throttle and learn from it; the gate is the caller's to close.

        Args:
            sent_at: the loop's time when its request was sent.
            told: whether the server said how long to wait.
            stated: requests per second that the server says it allows.

        Returns:
            How many requests in a row were throttled that had been sent alone, to see
            whether the gate may open; None where it may stay open, since few are throttled.
        """
        if self._pacing is None:
            self._pacing, self._even = Pacing(self._cycle), True
        self._narrow(self._pacing, sent_at)
        now = asyncio.get_running_loop().time()
        return self._pacing.refused(now, sent_at, self.under_way, told=told, stated=stated)

    def _learn(self, pacing: Pacing, sent_at: float) -> None:
        self._narrow(pacing, sent_at)
        now = asyncio.get_running_loop().time()
        if pacing.accepted(now, sent_at, self.under_way):
            self._slow_start = False
            start = max(self._next_start, sent_at + pacing.shortest_gap)
            self._due = self._next_start = start
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

        It grows again by one, two, four and so on, until descriptors run out once more.
        Call it after `release`: the caller's own slot is one that could not be used.
        """
        self._limit_to(max(1, min(self.concurrency - 1, self.under_way)))
        if not self.stopped:
            self._grow_later(1)
        return self.concurrency

    def _grow_later(self, by: int) -> None:
        if self._growth_timer is not None:
            self._growth_timer.cancel()
        self._growth_timer = asyncio.get_running_loop().call_later(_GROWS_EVERY, self._grow, by)

    def _grow(self, by: int) -> None:
        self._growth_timer = None
        self._limit_to(min(self.wanted, self.concurrency + by))
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
        self._grant_all()

    def refused_for(self) -> float:
        """Return the seconds until the server wants to be asked again, 0 or less if it does."""
        if not self._refuses_until:
            return 0.0
        return self._refuses_until - asyncio.get_running_loop().time()
