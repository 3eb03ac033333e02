"""Which request gets which answer: a fault where one is due, or else the truth."""

import math
import time
from collections.abc import Callable

from attrs import define, field

from ltx_async.emulator.answers import LIST_PATH, email_in
from ltx_async.emulator.exchange import Answer, Exchange, Request
from ltx_async.emulator.faults import RandomFaults
from ltx_async.emulator.journal import Journal, RecordedRequest
from ltx_async.emulator.rate_limit import RateLimit
from ltx_async.emulator.scripts import Script, Scripts
from ltx_async.emulator.steps import Status, Step


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
