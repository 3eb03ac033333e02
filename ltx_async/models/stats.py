"""`Stats`: where a run stands, or a client."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ltx_async.models.lookup import Outcome
from ltx_async.reasons import Reason


@frozen
class Stats:
    """Where a run stands, or all that a client has looked up.

    Attributes:
        outcomes: lookups finished so far, by outcome; every outcome is a key.
        requests: requests sent, retries and replaced connections included; an attempt
            that found no connection sent none.
        retries: attempts after the first that were no answer to a throttle.
        throttles: replies that asked everybody to slow down: 429, or 503 in numbers.
        latency_p50: median seconds of an attempt that got a reply (within 5 %), None before one.
        latency_p99: likewise, the 99th percentile.
        pace: requests per second that the server seems to allow; None before a throttle.
        reasons: how many lookups failed for each reason, the most frequent first: at most 50
            kinds, and the rest as `other`.
        pending: emails that were taken from the source and have no result yet.
        seconds: since the run was entered, until its last result where it is over; of a client
            since its first call.
    """

    outcomes: Mapping[Outcome, int] = field(hash=False)
    requests: int
    retries: int
    throttles: int
    latency_p50: float | None
    latency_p99: float | None
    pace: float | None = None
    reasons: Mapping[Reason, int] = field(factory=dict, hash=False)
    pending: int = 0
    seconds: float = 0.0

    @property
    def finished(self) -> int:
        """Lookups that have a result, whichever."""
        return sum(self.outcomes.values())

    @property
    def per_second(self) -> float | None:
        """Lookups finished per second, waits included; None before the first moment has passed."""
        return self.finished / self.seconds if self.seconds > 0 else None
