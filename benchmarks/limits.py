"""Servers that limit their clients, as state machines without a clock: times are passed in."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import define, field

_ROUNDING = 1e-9


class Limit(Protocol):
    """What a server does to a request: it serves it, for a while, or refuses it."""

    def refuses(self, now: float) -> float | None:
        """Return None where a request is served, else the `Retry-After`, 0.0 for none."""

    def service(self, now: float) -> float:
        """Return the seconds that the request that was just accepted takes the server."""

    def served(self, now: float) -> None:
        """Note that a request that was accepted has been answered."""

    def allowed(self, since: float, until: float) -> float:
        """Return how many requests a client could have had served in a stretch of time."""


@define
class Even:
    """A rate with a burst: GCRA, as in nginx's `limit_req` with `nodelay`, or a token bucket.

    Args:
        rate: requests per second.
        burst: how many may come at once.
        retry_after: what a refusal tells; 0 for nothing.
        queues: whether what comes too early is delayed, as `limit_req` does without `nodelay`.
        tick: the seconds that its clock counts in; nginx counts milliseconds.
    """

    rate: float
    burst: int = 10
    retry_after: float = 1.0
    queues: bool = False
    tick: float = 0.0
    _next: float = field(init=False, default=-math.inf)
    _delay: float = field(init=False, default=0.0)

    def refuses(self, now: float) -> float | None:
        """Accept while the burst is not used up."""
        if self.tick:
            now = now // self.tick * self.tick
        due = max(self._next, now)
        if due - now > (self.burst - 1) / self.rate + _ROUNDING:
            return self.retry_after
        self._delay = due - now if self.queues else 0.0
        self._next = due + 1 / self.rate
        return None

    def service(self, _now: float) -> float:
        """Return how long the request is queued."""
        return self._delay

    def served(self, now: float) -> None:
        """Nothing changes."""

    def allowed(self, since: float, until: float) -> float:
        """Return the rate times the time."""
        return self.rate * (until - since)


@define
class Window:
    """So many requests per window: windows one after another, or one that slides along.

    Args:
        count: requests per window.
        seconds: the length of a window.
        told: whether a refusal tells to wait, in whole seconds, until there is room.
        slides: whether the window is always the last `seconds`.
    """

    count: int
    seconds: float
    told: bool = True
    slides: bool = False
    _accepted: deque[float] = field(init=False, factory=deque)

    def refuses(self, now: float) -> float | None:
        """Accept while there is room in the window."""
        begins = now - self.seconds if self.slides else now // self.seconds * self.seconds
        while self._accepted and self._accepted[0] < begins:
            self._accepted.popleft()
        if len(self._accepted) < self.count:
            self._accepted.append(now)
            return None
        ends = self._accepted[0] if self.slides else begins
        return max(1.0, math.ceil(ends + self.seconds - now)) if self.told else 0.0

    def service(self, _now: float) -> float:
        """Return no time at all."""
        return 0.0

    def served(self, now: float) -> None:
        """Nothing changes."""

    def allowed(self, since: float, until: float) -> float:
        """Return the count times the windows."""
        return self.count * (until - since) / self.seconds


@define
class AtATime:
    """So many requests under way, as in nginx's `limit_conn`.

    Args:
        count: requests at a time.
        seconds: how long one takes on average.
        retry_after: what a refusal tells; 0 for nothing.
        takes: draws how long one takes; by default all take the same.
    """

    count: int
    seconds: float
    retry_after: float = 1.0
    takes: Callable[[], float] | None = None
    _under_way: int = field(init=False, default=0)

    def refuses(self, _now: float) -> float | None:
        """Accept while not too many are under way."""
        if self._under_way >= self.count:
            return self.retry_after
        self._under_way += 1
        return None

    def service(self, _now: float) -> float:
        """Return how long the request takes."""
        return self.seconds if self.takes is None else self.takes()

    def served(self, _now: float) -> None:
        """Make room."""
        self._under_way -= 1

    def allowed(self, since: float, until: float) -> float:
        """Return what they could serve if never one were missing."""
        return self.count * (until - since) / self.seconds


@define
class Changing:
    """One limit after another, each from its time on."""

    limits: Sequence[tuple[float, Limit]]

    def _current(self, now: float) -> Limit:
        return [limit for since, limit in self.limits if since <= now][-1]

    def refuses(self, now: float) -> float | None:
        """Ask the one that holds now."""
        return self._current(now).refuses(now)

    def service(self, now: float) -> float:
        """Ask the one that holds now."""
        return self._current(now).service(now)

    def served(self, now: float) -> None:
        """Tell the one that holds now."""
        self._current(now).served(now)

    def allowed(self, since: float, until: float) -> float:
        """Add up what each allowed in its time."""
        ends = [begin for begin, _ in self.limits[1:]] + [math.inf]
        total = 0.0
        for (begin, limit), end in zip(self.limits, ends, strict=True):
            first, last = max(since, begin), min(until, end)
            total += limit.allowed(first, last) if first < last else 0.0
        return total
