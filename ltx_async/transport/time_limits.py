"""Time limits of attempts without a timer for each: one look at the clock serves them all."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Final, Protocol

from attrs import define, field

_LOOK_EVERY: Final = 0.1  # seconds between checks; an attempt may exceed its limit by so much
_STALLED: Final = 0.5  # seconds; if a check comes so late, replies may be there that nobody read


class Attempt(Protocol):
    """What may run out of time.

    Attributes:
        ends_at: the loop's time by which it must be done.
    """

    ends_at: float

    @property
    def busy(self) -> bool:
        """Whether it is under way."""

    def expire(self) -> None:
        """End it: its time is up."""


@define(eq=False)
class TimeLimits:
    """Ends attempts whose time is up, but not because the process itself stood still.

    A process that was stopped (SIGSTOP, a closed laptop) finds every time limit passed
    before it could read a single reply: time in which it stood still does not count. Where
    the loop was busy instead, as with what a server sends without end, time does count; what
    came meanwhile is read first, once.

    Attributes:
        attempts: what is watched; an attempt that is not busy costs nothing.
    """

    attempts: set[Attempt] = field(init=False, factory=set)
    _loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    _timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _was_late: bool = field(init=False, default=False)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of all attempts; `get_running_loop` costs a system call for the process id."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def start(self) -> None:
        """Begin to look at the clock; call it with every attempt."""
        if self._timer is None:
            self._was_late = False
            self._look_later(self.loop)

    def stop(self) -> None:
        """Stop looking at the clock: nothing is under way any longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def limit(self, seconds: float) -> TimeLimit:
        """Return a context manager that ends what the current task does in its block."""
        return TimeLimit(self, seconds)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + _LOOK_EVERY
        self._timer = loop.call_at(due, self._look, loop, due, time.thread_time())

    def _look(self, loop: asyncio.AbstractEventLoop, due: float, worked: float) -> None:
        now = loop.time()
        late = now - due
        stalled = late > _STALLED
        stood_still = 0.0
        if stalled:
            worked = time.thread_time() - worked
            stood_still = max(0.0, min(late, late + _LOOK_EVERY - worked))
        reads_first = stalled and not self._was_late
        self._was_late = stalled
        self._timer = None
        busy = [attempt for attempt in self.attempts if attempt.busy]
        for attempt in busy:
            attempt.ends_at += stood_still
            if attempt.ends_at <= now and not reads_first:
                attempt.expire()
        if busy:
            self._look_later(loop)


class TimeLimit:
    """Cancels the block that it is entered for, and turns that into `TimeoutError`.

    A cancellation that comes from elsewhere stays one, as with `asyncio.timeout`.
    """

    __slots__ = ("_cancelling", "_expired", "_seconds", "_task", "_time_limits", "ends_at")

    busy = True

    def __init__(self, time_limits: TimeLimits, seconds: float) -> None:
        self._time_limits = time_limits
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> None:
        loop = self._time_limits.loop
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self.ends_at: float = loop.time() + self._seconds
        self._time_limits.attempts.add(self)
        self._time_limits.start()

    def expire(self) -> None:
        """Cancel the block."""
        if not self._expired:
            self._expired = True
            self._task.cancel()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._time_limits.attempts.discard(self)
        ours = self._expired and self._task.uncancel() <= self._cancelling
        if ours and exc_type is asyncio.CancelledError:
            raise TimeoutError
