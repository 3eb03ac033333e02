"""Other ways to decide when to send, for `simulation`: what there was, a rival, an oracle."""

from __future__ import annotations

import math

from attrs import define, field

from benchmarks.limits import AtATime, Limit

_SCALE = 0.4  # as the AWS SDKs have it
_BETA = 0.7
_SLOWEST = 0.5  # requests per second, the least that they go down to


@define(eq=False)
class Halving:
    """What `ltx_async` did before it learned a pace: it obeyed, and was slow.

    The window is halved at each closing of the gate, and grows from one after it: doubled per
    round of successes up to the half, then by one per round (RFC 5681 3.1).
    """

    concurrency: int = 50
    _limit: int = field(init=False)
    _window: int = field(init=False)
    _successes: int = field(init=False, default=0)
    _closed: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Begin with all there is."""
        self._limit = self._window = self.concurrency

    def window(self, _now: float) -> float:
        """Return the window."""
        return self._window

    def gap(self, _now: float, *, waited: bool) -> float:
        """Return none: only the window holds back."""
        del waited
        return 0.0

    def opened(self, _now: float) -> None:
        """Start slowly."""
        self._closed, self._window = False, 1

    def accepted(self, _now: float, _sent_at: float, _under_way: int) -> None:
        """Grow after a round of successes."""
        if self._closed or self._window == self.concurrency:
            return
        self._successes += 1
        if self._successes < self._window:
            return
        self._successes = 0
        if self._window < self._limit:
            self._window = min(2 * self._window, self._limit)
        else:
            self._window = self._limit = min(self._window + 1, self.concurrency)

    def refused(self, _now: float, _sent_at: float, _under_way: int, *, told: bool) -> bool:
        """Halve the limit, once per closing."""
        del told
        if not self._closed:
            self._closed = True
            self._limit = max(1, self._limit // 2)
        return True


@define(eq=False)
class Cubic:
    """The client-side limiter of the AWS SDKs' adaptive retries, in even steps.

    Its rate falls to seven tenths of what was sent when a request is throttled, and comes back
    along the cubic of CUBIC: rate = 0.4 · (t - K)³ + W, with W the rate that was throttled, t the
    seconds since and K = ∛(0.3 · W / 0.4); it never exceeds twice the rate that is measured, in
    half seconds, of which each counts with weight 0.8
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html; botocore,
    `retries/throttling.py` and `retries/bucket.py`). It is given our gate, which obeys
    `Retry-After`, and one cut per closing of it instead of one per reply, which both help it.
    """

    _rate: float = field(init=False, default=math.inf)
    _most: float = field(init=False, default=0.0)
    _throttled_at: float = field(init=False, default=0.0)
    _closed: bool = field(init=False, default=False)
    _measured: float = field(init=False, default=0.0)
    _bucket: float = field(init=False, default=0.0)
    _sent: int = field(init=False, default=0)

    def window(self, _now: float) -> float:
        """Return no bound: only the rate holds back."""
        return math.inf

    def gap(self, now: float, *, waited: bool) -> float:
        """Measure what is sent, and return the time that the rate leaves to the next one."""
        del waited
        self._sent += 1
        bucket = math.floor(now * 2) / 2
        if bucket > self._bucket:
            lately = self._sent / (bucket - self._bucket)
            self._measured = 0.8 * lately + 0.2 * self._measured
            self._bucket, self._sent = bucket, 0
        return 0.0 if math.isinf(self._rate) else 1 / self._rate

    def opened(self, _now: float) -> None:
        """Count the next refusal as another one."""
        self._closed = False

    def accepted(self, now: float, _sent_at: float, _under_way: int) -> None:
        """Follow the cubic."""
        if math.isinf(self._rate):
            return
        k = math.cbrt(self._most * (1 - _BETA) / _SCALE)
        cubic = _SCALE * (now - self._throttled_at - k) ** 3 + self._most
        self._rate = max(_SLOWEST, min(cubic, 2 * self._measured))

    def refused(self, now: float, _sent_at: float, _under_way: int, *, told: bool) -> bool:
        """Cut the rate."""
        del told
        if not self._closed:
            self._closed, self._throttled_at = True, now
            sent = self._measured or self._sent / max(0.5, now - self._bucket)
            self._most = min(sent, self._rate)
            self._rate = max(_SLOWEST, _BETA * self._most)
        return True


@define(eq=False)
class Oracle:
    """`rate=` or `concurrency=` set to what the server allows, whenever that changes.

    Args:
        limit: what the server allows.
        clients: among how many it is shared out.
    """

    limit: Limit
    clients: int = 1

    def window(self, _now: float) -> float:
        """Return what the server allows at a time."""
        return self.limit.count if isinstance(self.limit, AtATime) else math.inf

    def gap(self, now: float, *, waited: bool) -> float:
        """Return the even distance of what the server allows."""
        del waited
        if isinstance(self.limit, AtATime):
            return 0.0
        return self.clients / self.limit.allowed(now, now + 1)

    def opened(self, _now: float) -> None:
        """Nothing is learned."""

    def accepted(self, _now: float, _sent_at: float, _under_way: int) -> None:
        """Nothing is learned."""

    def refused(self, _now: float, _sent_at: float, _under_way: int, *, told: bool) -> bool:
        """Nothing is learned."""
        del told
        return True
