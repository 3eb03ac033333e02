"""What follows a failed attempt: how long to wait before the next one, and at whose cost."""

from __future__ import annotations

from typing import Final

from attrs import define, field, frozen

from ltx_async.engine.run import Run, RunEndedError
from ltx_async.engine.shared import Shared
from ltx_async.errors import (
    ConnectError,
    LTXError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
)

_PATIENCE: Final = 120.0  # seconds that a run bears 429s beyond the wait that was asked for


@frozen
class Again:
    """A lookup may be tried again.

    Attributes:
        delay: seconds from now; 0 after a throttle that has closed the gate for everybody.
        free: whether that costs no part of the retry budget.
    """

    delay: float
    free: bool


@define(eq=False)
class FollowUp:
    """What one lookup has spent on failures, and what it may still spend.

    Attributes:
        shared: the policy, the budget and the limits of all lookups.
        run: the run it is part of; None for a single lookup.
        cost: what its latest retry took from the budget.
    """

    shared: Shared
    run: Run | None
    cost: int = field(init=False, default=0)
    _failures: int = field(init=False, default=0)
    _throttles: int = field(init=False, default=0)
    _replies_at_refusal: int | None = field(init=False, default=None)

    def start_afresh(self) -> None:
        """Forget what was spent: an outage is to blame for it."""
        self.cost = self._failures = self._throttles = 0

    def after(self, error: LTXError, *, throttled: bool) -> Again | None:
        """Decide what follows an error; None where the lookup is to end with it.

        Args:
            error: what the last attempt ended with.
            throttled: whether it asks for a slower pace.

        Raises:
            RunEndedError: the server asks for too long a wait, or goes on refusing for too
                long, which ends the run.
        """
        policy = self.shared.policy
        if throttled and isinstance(error, ResponseError):
            if self.run is not None:
                return self._throttled_in(self.run, error)
            if isinstance(error, RateLimitError):
                return self._throttled_alone(error)
        if isinstance(error, ConnectError) and self._is_free(error):
            return Again(policy.backoff(0), free=True)
        self._failures += 1
        delay = policy.next_delay(error, self._failures)
        return None if delay is None else Again(delay, free=False)

    def pay(self, error: LTXError) -> bool:
        """Take the cost of a retry after `error` out of the budget, if that much is there."""
        self.cost = self.shared.budget.take(error)
        return self.cost > 0

    def _throttled_in(self, run: Run, error: ResponseError) -> Again:
        """Have a lookup wait: however many throttles it meets, its turn comes.

        Raises:
            RunEndedError: no request of the run was accepted for too long.
        """
        run.counters.throttles += 1
        shared = self.shared
        told = shared.policy.throttle_delay(error)
        if told is None:
            run.end(error)
            raise RunEndedError
        now, closing = shared.loop.time(), shared.limiter.closing
        patience = shared.outage.rule.patience
        if isinstance(error, RateLimitError):
            patience = max(_PATIENCE, shared.policy.retry_after_cap)
        if not run.bears(closing, now, until=now + told + patience):
            run.end(_for_ever(error, told + patience))
            raise RunEndedError
        return self._after_throttle(told)

    def _throttled_alone(self, error: RateLimitError) -> Again | None:
        """Have a single lookup wait, as often as the policy says."""
        self.shared.tally.counters.throttles += 1
        policy = self.shared.policy
        self._throttles += 1
        told = policy.throttle_delay(error)
        if told is None or self._throttles > policy.throttles:
            return None
        return self._after_throttle(told)

    def _after_throttle(self, told: float) -> Again:
        """Have a lookup wait by itself, unless everybody does."""
        return Again(0.0 if self.shared.limiter.closed else told, free=True)

    def _is_free(self, error: ConnectError) -> bool:
        """Whether a connection that could not be made costs neither attempt nor budget.

        Without file descriptors, this machine is at fault. In a run whose server has answered
        no request since the last refusal, the server is, and the outage rule decides.
        """
        if error.out_of_descriptors:
            self.shared.lower_concurrency()
            return True
        if self.run is None:
            return False
        replies = self.shared.outage.replies
        before_last, self._replies_at_refusal = self._replies_at_refusal, replies
        return before_last is None or before_last == replies


def _for_ever(error: ResponseError, seconds: float) -> LTXError:
    """Return why a run ends in which nobody has been answered for so long."""
    message = f"every request was refused for {seconds:.0f} s; the last one: {error.message}"
    if isinstance(error, RateLimitError):
        return RateLimitError(message, ray=error.ray, retry_after=error.retry_after)
    return ServiceUnavailableError(message, last_error=error)
