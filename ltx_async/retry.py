"""When to try again: `RetryPolicy` decides and never sleeps; `RetryBudget` says how often."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ltx_async.errors import (
    AttemptTimeoutError,
    ConfigurationError,
    LTXError,
    RateLimitError,
    ResponseError,
    TransportError,
)

if TYPE_CHECKING:
    from attrs import Attribute

OUTAGE_STATUSES = frozenset({520, 521, 522, 523, 524, 525, 526, 527, 530})
OVERLOAD_STATUSES = frozenset({408, 503, 529})
SERVICE_UNAVAILABLE = 503
JITTER = 0.1
_POLLS = (1, 2, 4, 8, 10)  # factors of the base wait, after 0, 1, 2 … refusals in a row
_LARGEST_EXPONENT = 64


def _uniform() -> float:
    """Draw from the process's generator; unlike `random.random`, this is pickled without state."""
    return random.random()  # noqa: S311 - jitter is no secret


def is_number(value: object) -> bool:
    """Whether a value is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_in(
    low: float, high: float, *, of: str = "", hint: str | None = None
) -> Callable[[object, Attribute[Any], float], None]:
    """Return a validator that refuses all but a number in a range, its ends included.

    Args:
        low: the least.
        high: the most.
        of: what it counts, for the message.
        hint: what to do in place of that.
    """
    what = f"a number of {of}" if of else "a number"

    def check(_rule: object, attribute: Attribute[Any], value: float) -> None:
        if not is_number(value) or not low <= value <= high:
            message = f"{attribute.name} must be {what} from {low:g} to {high:g}, not {value!r}"
            raise ConfigurationError(message, hint=hint)

    return check


def count_in(low: int, high: int) -> Callable[[object, Attribute[int], int], None]:
    """Return a validator that refuses all but an integer in a range, its ends included."""

    def check(_rule: object, attribute: Attribute[int], value: int) -> None:
        if not is_number(value) or not isinstance(value, int) or not low <= value <= high:
            message = f"{attribute.name} must be an integer from {low} to {high}, not {value!r}"
            raise ConfigurationError(message)

    return check


def _check_random(_rule: object, _attribute: object, value: object) -> None:
    if not callable(value):
        raise ConfigurationError(
            f"random must be a function that returns a number in [0, 1), not {value!r}",
            hint="Leave it out, or pass a generator's: random.Random(7).random",
        )


@frozen(kw_only=True)
class RetryPolicy:
    """How a failed attempt is followed up; times in seconds.

    Backoff is "full jitter" (Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog, 2015): uniform between 0 and min(cap, base · 2^n).

    Attributes:
        attempts: requests per lookup that may fail before it does, 1 or more.
        base: upper bound of the first backoff.
        cap: upper bound of every backoff.
        throttle_base: least wait after a 429.
        throttles: replies with status 429 that a single lookup puts up with; in a run
            there is no bound, as long as others are answered.
        retry_after_cap: longest wait that a server is granted; over it, a lookup ends.
        budget: capacity of the retry budget that all lookups of a client share.
        random: source of uniform numbers in [0, 1).

    Raises:
        ConfigurationError: a value is out of its range.
    """

    attempts: int = field(default=3, validator=count_in(1, 1_000_000))
    base: float = field(default=0.5, validator=number_in(0, 3600))
    cap: float = field(default=20.0, validator=number_in(0, 86_400))
    throttle_base: float = field(default=1.0, validator=number_in(0, 3600))
    throttles: int = field(default=10, validator=count_in(0, 1_000_000))
    retry_after_cap: float = field(default=60.0, validator=number_in(0, 1e9))
    budget: int = field(default=500, validator=count_in(0, 1_000_000_000))
    random: Callable[[], float] = field(
        default=_uniform, validator=_check_random, repr=False, eq=False
    )

    def retries(self, error: LTXError) -> bool:
        """Whether this kind of failure may pass by itself (a 429 is a wait, not a failure)."""
        attempt = isinstance(error, TransportError | ResponseError)
        return attempt and error.retryable and not isinstance(error, RateLimitError)

    def next_delay(self, error: LTXError, attempt: int) -> float | None:
        """Return the seconds to wait before attempt `attempt + 1`, or None to give up.

        A `Retry-After` on a 503 is obeyed, and over the cap there is no retry.

        Args:
            error: what attempt number `attempt` ended with.
            attempt: failed attempts so far, from 1.
        """
        if attempt >= self.attempts or not self.retries(error):
            return None
        if isinstance(error, ResponseError) and error.status == SERVICE_UNAVAILABLE:
            told = error.retry_after
            if told is not None:
                return None if told > self.retry_after_cap else self._after(told)
        return self.backoff(attempt - 1)

    def throttle_delay(self, error: ResponseError, refusals: int = 0) -> float | None:
        """Return the seconds that everybody waits after a throttle, or None when it is too long.

        Args:
            error: the reply.
            refusals: how many requests in a row were refused that had been sent alone, to
                see whether the server is ready again.
        """
        told = error.retry_after
        if told is None:
            return self._after(self.throttle_base * _POLLS[min(refusals, len(_POLLS) - 1)])
        return None if told > self.retry_after_cap else max(self.throttle_base, self._after(told))

    def backoff(self, n: int) -> float:
        """Return one draw of full jitter for the n-th wait, from 0; never above `cap`."""
        bound = min(self.cap, math.ldexp(self.base, min(n, _LARGEST_EXPONENT)))
        return bound * self.random()

    def _after(self, seconds: float) -> float:
        """Add a little jitter, never less, so that clients do not return as one."""
        return seconds + min(1.0, max(seconds, 0.1) * JITTER) * self.random()


@define
class RetryBudget:
    """A token bucket that keeps retries from multiplying the load on a sick server.

    The numbers are those of the AWS SDKs' standard retry mode (Reference Guide,
    "Retry behavior"): a retry costs 5 and after a timeout 10, a clean success
    gives 1 back, a success after a retry what that retry cost.

    Attributes:
        capacity: the most it can hold.
        available: what it holds, 0 to `capacity`.
    """

    capacity: int
    available: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.available = self.capacity

    def take(self, error: LTXError) -> int:
        """Take what a retry after `error` costs and return it; 0 when it is not there."""
        cost = 10 if isinstance(error, AttemptTimeoutError) else 5
        if cost > self.available:
            return 0
        self.available -= cost
        return cost

    def give_back(self, cost: int) -> None:
        """Return the cost of the last retry after a success, 1 after one without."""
        if self.available < self.capacity:
            self.available = min(self.capacity, self.available + (cost or 1))


@frozen(kw_only=True)
class OutageRule:
    """When the silence of a server is taken for an outage, and for how long a run waits.

    An attempt is silent when no reply came (`ConnectError`, `AttemptTimeoutError`), or one
    of 520 to 527 or 530, with which Cloudflare says that it cannot reach the server. In an
    outage one email after the other is asked for, those first that were not tried yet; any
    other reply ends it, to whomever of the client. The list is asked for once as well: where
    that is answered, emails are asked for `streak` at a time, and for 5 times that many there
    is patience whatever time it takes. A single `lookup` knows no outage: it just uses its
    attempts.

    While a client has never had a reply, what a wrong base URL brings (`misdirected` of a
    `ConnectError`) is an outage from the first attempt on, and a short one: a run ends after
    `first_patience`, and so does a single lookup, or the list call, that has attempts left.

    Attributes:
        streak: silent attempts in a row that make an outage, 1 to 1,000,000.
        patience: seconds without an answer, counted from there, after which the run ends
            with `ServiceUnavailableError`, 0 to 1,000,000,000.
        first_patience: the same before the first reply ever, where `patience` is not shorter.
        probe_base: upper bound of the wait before the first probe, in seconds, 0.001 to 3,600;
            it doubles with every further one.
        probe_cap: upper bound of every such wait, in seconds, 0.001 to 86,400.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    streak: int = field(default=20, validator=count_in(1, 1_000_000))
    patience: float = field(default=60.0, validator=number_in(0, 1e9))
    first_patience: float = field(default=5.0, validator=number_in(0, 1e9))
    probe_base: float = field(default=0.5, validator=number_in(0.001, 3600))
    probe_cap: float = field(default=5.0, validator=number_in(0.001, 86_400))
