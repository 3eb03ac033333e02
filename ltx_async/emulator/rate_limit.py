"""The server's own limit: so many requests a second, more are answered 429."""

import math
import time
from collections.abc import Callable

from attrs import define, field


@define
class RateLimit:
    """A token bucket that holds one second's worth of requests and starts full.

    Args:
        rate: requests per second, above 0.
        clock: seconds, never going back.

    Raises:
        ValueError: a `rate` that is not above 0.
    """

    rate: float = field()
    _clock: Callable[[], float] = field(default=time.monotonic, alias="clock")
    _tokens: float = field(init=False)
    _filled: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Check the rate, and fill the bucket."""
        if not 0 < self.rate < math.inf:
            raise ValueError(f"the rate limit must be above 0 requests per second, not {self.rate}")
        self._tokens = max(1.0, self.rate)
        self._filled = self._clock()

    def take(self) -> float:
        """Return 0.0 and take a token; or, when there is none, the seconds until the next."""
        now = self._clock()
        self._tokens += (now - self._filled) * self.rate
        self._tokens = min(self._tokens, max(1.0, self.rate))
        self._filled = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) / self.rate
        self._tokens -= 1.0
        return 0.0
