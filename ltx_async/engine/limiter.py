"""How many requests may be under way, how fast they start, and when nobody may send.

Window and slow start follow TCP's congestion control (RFC 5681 3.1), with requests
in place of segments: a throttle halves the limit, and after it the window grows from
one, doubling per round of successes up to the limit, then by one per round.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from attrs import define, field, setters

from ltx_async.errors import ConfigurationError

_LATENESS_FORGIVEN = 0.01  # seconds that a late timer may be made up for; too little for a burst
_MOST = 100_000


def _check_concurrency(_limiter: Limiter, _attribute: object, value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST:
        raise ConfigurationError(f"concurrency must be an integer from 1 to {_MOST}, not {value!r}")


def _check_rate(_limiter: Limiter, _attribute: object, value: float | None) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 1e-6 <= value <= 1e6:
        raise ConfigurationError(f"rate must be a number of requests per second, not {value!r}")


@define(eq=False, on_setattr=setters.NO_OP)  # checked once; set at every request
class Limiter:
    """The semaphore that all requests of one client pass, with pacing and a gate.

    Use it from one event loop. A slot covers one attempt: take it with `try_acquire`
    or `acquire`, give it back with `release`, and report with `succeeded` or `close`.

    Attributes:
        concurrency: the most slots there are.
        rate: the most grants per second, evenly paced without bursts; None for no limit.
        on_open: called with the window when the gate opens.
        stopped: whether no slot is granted any more.
        under_way: slots that are taken.
    """

    concurrency: int = field(validator=_check_concurrency)
    rate: float | None = field(default=None, validator=_check_rate)
    on_open: Callable[[int], None] | None = None
    stopped: bool = field(init=False, default=False)
    under_way: int = field(init=False, default=0)
    _limit: int = field(init=False)
    _window: int = field(init=False)
    _successes: int = field(init=False, default=0)
    _opens_at: float | None = field(init=False, default=None)
    _halved: bool = field(init=False, default=False)
    _refuses_until: float = field(init=False, default=0.0)
    _next_start: float = field(init=False, default=0.0)
    _held_up: bool = field(init=False, default=False)
    _waiters: deque[asyncio.Future[None]] = field(init=False, factory=deque)
    _gate_timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _pace_timer: asyncio.TimerHandle | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._limit = self._window = self.concurrency

    # Slots

    def try_acquire(self) -> bool:
        """Take a slot if one is to be had at once, nobody waits for it and nobody is refused."""
        if self._waiters or self._opens_at is not None or self.under_way >= self._window:
            return False
        if self._refuses_until and self.refused_for() > 0:
            return False
        if self.rate is not None and not self._start_due(asyncio.get_running_loop().time()):
            return False
        self.under_way += 1
        return True

    async def acquire(self) -> None:
        """Wait for a slot: first come, first served, the gate open and the pace kept.

        Raises:
            ConfigurationError: the limiter was stopped, before or during the wait.
        """
        if self.try_acquire():
            return
        if self.stopped:
            raise client_closed()
        granted = asyncio.get_running_loop().create_future()
        self._waiters.append(granted)
        self._dispatch()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self.release()
            with contextlib.suppress(ValueError):  # not there when `_dispatch` met it first
                self._waiters.remove(granted)
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.under_way -= 1
        if self._waiters:
            self._dispatch()

    def _dispatch(self) -> None:
        """Grant slots to those who wait, or set the timer for the next start."""
        loop = asyncio.get_running_loop()
        while self._waiters and self._opens_at is None and self.under_way < self._window:
            if self._waiters[0].done():  # cancelled in the queue, or told that all is over
                self._waiters.popleft()
                continue
            if self.rate is not None and not self._start_due(loop.time()):
                self._held_up = True
                if self._pace_timer is None:
                    self._pace_timer = loop.call_at(self._next_start, self._pace)
                return
            self.under_way += 1
            self._waiters.popleft().set_result(None)
        if not self._waiters:
            self._held_up = False

    # Pace

    def _start_due(self, now: float) -> bool:
        """Whether the next start is due; if so, set the time of the one after it.

        Only a late timer is made up for: time in which nobody wanted to start is lost.
        """
        if now < self._next_start:
            return False
        assert self.rate is not None
        forgiven = _LATENESS_FORGIVEN if self._held_up else 0.0
        self._next_start = max(self._next_start, now - forgiven) + 1 / self.rate
        return True

    def _pace(self) -> None:
        self._pace_timer = None
        self._dispatch()

    # The gate

    @property
    def closed(self) -> bool:
        """Whether nobody may send at the moment."""
        return self._opens_at is not None

    @property
    def opens_at(self) -> float:
        """The loop's time when the gate opens; now or earlier when it is open."""
        return self._opens_at or 0.0

    def close(self, seconds: float, *, halve: bool = True) -> bool:
        """Let nobody send for `seconds`; a gate that is closed already only stays so for longer.

        Args:
            seconds: from now.
            halve: whether the limit is to be halved; that happens once per closing.

        Returns:
            Whether the gate was open before.
        """
        if self.stopped:
            return False
        loop = asyncio.get_running_loop()
        opens_at = loop.time() + seconds
        was_open = self._opens_at is None
        if halve and not self._halved:
            self._halved = True
            self._limit = max(1, self._limit // 2)
        if was_open or opens_at > self.opens_at:
            self._opens_at = opens_at
            if self._gate_timer is not None:
                self._gate_timer.cancel()
            self._gate_timer = loop.call_at(opens_at, self._open)
        return was_open

    def reopen(self) -> None:
        """Open the gate before its time, unless a throttle has closed it."""
        if self._gate_timer is not None and not self._halved:
            self._gate_timer.cancel()
            self._open()

    def _open(self) -> None:
        self._opens_at = self._gate_timer = None
        self._halved = self._held_up = False
        self._window = 1
        if self.on_open is not None:
            self.on_open(self._window)
        self._dispatch()

    def succeeded(self) -> None:
        """Report a reply that was no throttle: after enough of them the window grows."""
        if self._window == self.concurrency or self._opens_at is not None:
            return
        self._successes += 1
        if self._successes < self._window:
            return
        self._successes = 0
        if self._window < self._limit:
            self._window = min(2 * self._window, self._limit)
        else:
            self._window = self._limit = min(self._window + 1, self.concurrency)
        self._dispatch()

    # Limits that the machine or the server sets for good

    def lower(self) -> int:
        """Reduce `concurrency` to what is under way, by one at least, and return it.

        Call it after `release`: the caller's own slot is one that could not be used.
        """
        self.concurrency = max(1, min(self.concurrency - 1, self.under_way))
        self._limit = min(self._limit, self.concurrency)
        self._window = min(self._window, self.concurrency)
        return self.concurrency

    def refuse(self, seconds: float) -> None:
        """Have `refused_for` count down from `seconds`: too long for anybody to wait."""
        until = asyncio.get_running_loop().time() + seconds
        self._refuses_until = max(self._refuses_until, until)

    def refused_for(self) -> float:
        """Return the seconds until the server wants to be asked again, 0 or less if it does."""
        if not self._refuses_until:
            return 0.0
        return self._refuses_until - asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Grant no slot any more, and tell those who wait; the client is closing."""
        self.stopped, self._window = True, 0
        for timer in (self._gate_timer, self._pace_timer):
            if timer is not None:
                timer.cancel()
        self._gate_timer = self._pace_timer = None
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(client_closed())
        self._waiters.clear()


def client_closed() -> ConfigurationError:
    """Return the error of whatever is asked of a closed client."""
    return ConfigurationError("the client is closed", hint="Make a new LTXClient.")
