"""What follows a failed attempt: how long to wait before the next one, and at whose cost."""

from __future__ import annotations

from attrs import define, field, frozen

from ltx_async.engine.run import Run, RunEndedError
from ltx_async.engine.shared import Shared
from ltx_async.errors import ConnectError, LTXError, RateLimitError


@frozen
class Again:
    """A lookup may be tried again.

    Attributes:
        delay: seconds from now; after a throttle it is the gate that makes it wait.
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

    def after(self, error: LTXError) -> Again | None:
        """Decide what follows an error; None where the lookup is to end with it.

        Raises:
            RunEndedError: the server asks for too long a wait, which ends the run.
        """
        policy = self.shared.policy
        if isinstance(error, RateLimitError):
            return self._throttled(error)
        if isinstance(error, ConnectError) and self._is_free(error):
            return Again(policy.backoff(0), free=True)
        self._failures += 1
        delay = policy.next_delay(error, self._failures)
        return None if delay is None else Again(delay, free=False)

    def pay(self, error: LTXError) -> bool:
        """Take the cost of a retry after `error` out of the budget, if that much is there."""
        self.cost = self.shared.budget.take(error)
        return self.cost > 0

    def _throttled(self, error: RateLimitError) -> Again | None:
        """Have a lookup wait for the gate, or end where the server asks for too long.

        In a run no number of throttles ends a lookup: others are answered, and its turn
        comes. A single lookup puts up with as many as the policy says.
        """
        policy, run = self.shared.policy, self.run
        self._throttles += 1
        if run is not None:
            run.counters.throttles += 1
        if policy.throttle_delay(error) is None:
            if run is not None:
                run.end(error)
                raise RunEndedError
            return None
        if run is None and self._throttles > policy.throttles:
            return None
        return Again(0.0, free=True)

    def _is_free(self, error: ConnectError) -> bool:
        """Whether a connection that could not be made costs neither attempt nor budget.

        Without descriptors the fault is this machine's; in a run whose server answers
        nobody since the last refusal it is the server's, and the outage rule's business.
        """
        run = self.run
        if error.out_of_descriptors:
            self.shared.lower_concurrency()
            return True
        if run is None:
            return False
        before_last, self._replies_at_refusal = self._replies_at_refusal, run.outage.replies
        return before_last is None or before_last == run.outage.replies
