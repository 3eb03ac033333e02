"""Which request gets which answer: a fault where one is due, or else the truth."""

import math
import time
from collections import deque
from collections.abc import Callable

from attrs import define, field

from ltx_async.emulator.answers import LIST_PATH, email_in
from ltx_async.emulator.exchange import Answer, Exchange, Request
from ltx_async.emulator.faults import RandomFaults
from ltx_async.emulator.journal import Journal, RecordedRequest
from ltx_async.emulator.steps import Status, Step


@define
class Script:
    """Steps taken one per request; with `forever` they start again at the end."""

    steps: deque[Step] = field(factory=deque)
    forever: bool = False

    def next_step(self) -> Step | None:
        """Take the next step, or None when there is none left."""
        if not self.steps:
            return None
        step = self.steps.popleft()
        if self.forever:
            self.steps.append(step)
        return step


@define
class Scripts:
    """One script per email, and one (under None) for every email that has none left."""

    _by_email: dict[str | None, Script] = field(factory=dict, init=False)

    def extend(self, email: str | None, steps: tuple[Step, ...], *, forever: bool) -> None:
        """Append `steps` to the script of `email`."""
        script = self._by_email.setdefault(email, Script())
        script.steps.extend(steps)
        script.forever = forever

    def clear(self) -> None:
        """Forget every step not taken yet."""
        self._by_email.clear()

    def next_step(self, email: str) -> Step | None:
        """Take the next step for `email`, else the next one for any email, else None."""
        return self._take(email) or self._take(None)

    def _take(self, key: str | None) -> Step | None:
        script = self._by_email.get(key)
        if script is None:
            return None
        step = script.next_step()
        if not script.steps:
            del self._by_email[key]
        return step


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


@define
class Rules:
    """Decides what each request is answered with, and writes it down.

    Args:
        truth: what a request is answered with when nothing is in its way.
        faults: random faults of the lookups.
        limit: how many requests a second are answered, None for all.
        journal: is told of every request.
    """

    truth: Callable[[Request], Answer]
    faults: RandomFaults
    limit: RateLimit | None
    journal: Journal
    scripts: Scripts = field(factory=Scripts, init=False)
    list_script: Script = field(factory=Script, init=False)

    def decide(self, request: Request, *, latency: float) -> Exchange:
        """Return the answer of `request`: a scripted step comes first, then a fault, then a 429."""
        email = email_in(request.path)
        step = self._step_for(request.path, email)
        refusal = self._throttled() if step is None else None
        exchange = Exchange(step, refusal or self.truth(request), latency=latency)
        self._record(request, email, exchange.status)
        return exchange

    def _step_for(self, path: str, email: str | None) -> Step | None:
        if email is not None:
            return self.scripts.next_step(email) or self.faults.step_for(email)
        return self.list_script.next_step() if path == LIST_PATH else None

    def _throttled(self) -> Status | None:
        wait = 0.0 if self.limit is None else self.limit.take()
        return Status(429, headers={"Retry-After": str(math.ceil(wait))}) if wait else None

    def _record(self, request: Request, email: str | None, status: int | None) -> None:
        self.journal.add(
            RecordedRequest(
                method=request.method,
                path=request.target,
                email=email,
                headers=request.headers,
                status=status,
                arrived=time.monotonic(),
            )
        )
