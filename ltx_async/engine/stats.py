"""Counters of a run in constant memory, and the `Stats` made of them."""

from __future__ import annotations

import math
from bisect import bisect

from attrs import define, field

from ltx_async.models import Lookup, Outcome, Stats
from ltx_async.reasons import Reasons

_FASTEST = 1e-5  # seconds; everything below falls into the first bucket
_STEP = math.log(1.1)
_BUCKETS = 200  # 10 µs · 1.1^200 is over half an hour
_BOUNDS = [_FASTEST * math.exp(bucket * _STEP) for bucket in range(1, _BUCKETS)]


@define
class Latencies:
    """A histogram of seconds with logarithmic buckets, right to within 5 %."""

    _buckets: list[int] = field(init=False, factory=lambda: [0] * _BUCKETS)

    def add(self, seconds: float) -> None:
        """Count one latency."""
        self._buckets[bisect(_BOUNDS, seconds)] += 1

    def merge(self, others: Latencies) -> None:
        """Count what others have counted, too."""
        self._buckets = [
            ours + theirs for ours, theirs in zip(self._buckets, others._buckets, strict=True)
        ]

    def quantile(self, share: float) -> float | None:
        """Return the latency that `share` (0 to 1) of all do not exceed, None without any."""
        rank = math.ceil(share * sum(self._buckets))
        for bucket, count in enumerate(self._buckets):
            rank -= count
            if rank <= 0 < count:
                return _FASTEST * math.exp((bucket + 0.5) * _STEP)
        return None


@define
class Counters:
    """What a run has done so far: each part of the engine counts here what it does itself."""

    requests: int = 0
    retries: int = 0
    throttles: int = 0
    latencies: Latencies = field(factory=Latencies)
    outcomes: dict[Outcome, int] = field(factory=lambda: dict.fromkeys(Outcome, 0))
    reasons: Reasons = field(factory=Reasons)

    def count(self, lookup: Lookup) -> None:
        """Count a lookup that is finished."""
        self.outcomes[lookup.outcome] += 1
        if lookup.outcome is Outcome.FAILED:
            self.reasons.add(lookup.reason, lookup.email)

    def merge(self, others: Counters) -> None:
        """Count what others have counted, too."""
        self.requests += others.requests
        self.retries += others.retries
        self.throttles += others.throttles
        self.latencies.merge(others.latencies)
        self.reasons.merge(others.reasons)
        for outcome, count in others.outcomes.items():
            self.outcomes[outcome] += count

    @property
    def finished(self) -> int:
        """Lookups that were counted."""
        return sum(self.outcomes.values())

    def finds_nothing(self, *, least: int) -> bool:
        """Whether at least `least` emails were asked for and none of them was found."""
        missing = self.outcomes[Outcome.NOT_FOUND]
        asked = self.finished - self.outcomes[Outcome.INVALID]
        return asked == missing >= least

    def stats(self, pace: float | None = None, *, pending: int = 0, seconds: float = 0.0) -> Stats:
        """Return what has been counted, beside the learned pace and where the run stands."""
        return Stats(
            outcomes=self.outcomes.copy(),
            requests=self.requests,
            retries=self.retries,
            throttles=self.throttles,
            latency_p50=self.latencies.quantile(0.5),
            latency_p99=self.latencies.quantile(0.99),
            pace=pace,
            reasons=self.reasons.counted(),
            pending=pending,
            seconds=seconds,
        )
