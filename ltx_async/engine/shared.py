"""What all lookups of a client share: the way out, its limits, and what they find out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from attrs import define, field

from ltx_async.codec import Redaction
from ltx_async.engine.health.outage import Outage
from ltx_async.engine.health.overload import Overload
from ltx_async.engine.limiter import Limiter, client_closed
from ltx_async.engine.logs import Listener, doubts, facts_of, logger, message_for_log
from ltx_async.engine.run import Run, Tally
from ltx_async.errors import (
    ConfigurationError,
    LTXError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
)
from ltx_async.events import (
    AttemptStarted,
    GateClosed,
    GateOpened,
    OutageBegan,
    OutageEnded,
    PaceLearned,
)
from ltx_async.retry import RetryBudget, RetryPolicy
from ltx_async.transport import is_uvloop
from ltx_async.transport.protocol import Transport

_READERS: Final = 2


@define(eq=False)
class Shared:
    """What all lookups of a client share.

    Attributes:
        transport: sends the requests.
        limiter: grants the slots.
        policy: decides on retries.
        outage: whether the server answers anybody.
        redaction: cuts the token out of replies.
        listener: told what happens.
        base_url: where all of them ask, as their results say.
        headers: gives each attempt header fields of its own; None where nobody wants that.
        budget: bounds the retries of all lookups together.
        loop: the event loop of all of them, from `bind` on; its time is that of waits and limits.
        clock: monotonic seconds, for what is measured.
        tally: what came of all of them.
        readers: bounds how many long replies are read at a time: more threads would only take
            the interpreter from the loop.
    """

    transport: Transport
    limiter: Limiter
    policy: RetryPolicy
    outage: Outage
    redaction: Redaction
    listener: Listener = field(factory=Listener)
    headers: Callable[[AttemptStarted], Mapping[str, str]] | None = None
    base_url: str | None = None
    budget: RetryBudget = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    clock: Callable[[], float] = field(init=False, default=time.monotonic)
    tally: Tally = field(init=False, factory=Tally)
    readers: asyncio.Semaphore = field(init=False, factory=partial(asyncio.Semaphore, _READERS))
    _process: int | None = field(init=False, default=None)
    _lowered: bool = field(init=False, default=False)
    _overload: Overload = field(init=False, factory=Overload)

    def __attrs_post_init__(self) -> None:
        self.budget = RetryBudget(self.policy.budget)
        self.limiter.on_open = self._opened
        self.limiter.on_pace = self._paced

    def bind(self) -> None:
        """Bind all lookups to the running event loop, or check that it is still the same.

        Raises:
            ConfigurationError: the client is closed or belongs to another event loop.
        """
        if self.limiter.stopped:
            raise client_closed()
        if self._process is not None:
            self.check_loop()
            return
        self.loop, self._process = _running_loop(), os.getpid()
        if not is_uvloop(self.loop):  # uvloop's own time has no fractions of a millisecond
            self.clock = self.loop.time
        self.tally.began_at = self.clock()

    def check_loop(self) -> None:
        """Check that the running loop is the one that all lookups are bound to, if they are.

        Raises:
            ConfigurationError: it is another one.
        """
        if self._process is not None and self.loop is not _running_loop():
            raise ConfigurationError(
                "the client belongs to another event loop", hint="Make one LTXClient per loop."
            )

    @property
    def is_open(self) -> bool:
        """Whether there may be connections that nobody has closed."""
        return self.transport.is_open and not self.limiter.stopped

    def stop(self) -> None:
        """Let nobody send any more: whatever waits ends with the error of a closed client."""
        self.limiter.stop()
        for run in self.tally.runs:
            if run.over_at is None:  # else everybody is answered, and may still be handed over
                run.end(client_closed())

    def abandon(self) -> None:
        """Close for good from outside the loop, without a wait.

        The loop closes the connections when it runs next. If it is closed itself, asyncio frees
        them; in a forked process they are the parent's.
        """
        self.limiter.stop()
        if self._process != os.getpid() or self.loop.is_closed():
            return
        if asyncio._get_running_loop() is self.loop:  # noqa: SLF001
            self.transport.abandon()
        else:
            self.loop.call_soon_threadsafe(self.transport.abandon)

    @contextlib.contextmanager
    def running(self, run: Run) -> Iterator[None]:
        """Mark a run. The first one forgets an earlier outage, which may have ended unnoticed."""
        if not self.tally.runs:
            self.outage.forget()
        with self.tally.running(run, self.clock()):
            yield

    # What one lookup finds out and all of them act on

    def close_gate(self, seconds: float, why: LTXError, *, throttle: bool = False) -> None:
        """Let nobody send for a while."""
        if self.limiter.close(seconds, throttle=throttle):
            event = GateClosed(seconds, why)
            said = message_for_log(why, why.email)
            logger.info("nobody sends for %.1f s: %s", seconds, said, extra=facts_of(event))
            self.listener.tell(event)

    def answered(self, run: Run | None, sent_at: float, seconds: float) -> None:
        """Note that an email was answered with its account.

        Args:
            run: the run it is part of; None for a single lookup.
            sent_at: the loop's time when it was asked for.
            seconds: how long that took.
        """
        self._overload.note(None)
        self.limiter.succeeded(sent_at)
        if run is not None:
            run.answered = True
        counters = self.tally.counters if run is None else run.counters
        counters.requests += 1
        counters.latencies.add(seconds)
        self.heard(answered=True)

    def heard(self, *, answered: bool, throttled: bool = False) -> None:
        """Note a reply to a lookup: whatever it says, somebody answers, and an outage is over.

        Args:
            answered: whether it says how it stands with the account.
            throttled: whether it is one with which the server has closed the gate.
        """
        began_at = self.outage.heard(answered=answered)
        if began_at is not None:
            self.listener.tell(OutageEnded(self.loop.time() - began_at))
            if not throttled:
                self.limiter.reopen()

    def is_throttle(self, error: LTXError | None) -> bool:
        """Note a reply, and return whether it asks everybody to slow down."""
        return self._overload.note(error, paced=self.limiter.paced)

    def throttled(self, why: ResponseError, sent_at: float) -> None:
        """Heed a throttle: everybody waits as told, and sends more slowly from then on.

        Where the server tells no wait and throttles hardly anybody, only this lookup waits.
        """
        told = why.retry_after is not None
        polls = self.limiter.refused(sent_at, told=told, stated=why.allowed)
        if polls is None:
            return
        seconds = self.policy.throttle_delay(why, polls)
        if seconds is not None:
            self.close_gate(seconds, why, throttle=True)
        elif why.retry_after is not None:
            self.limiter.refuse(why.retry_after)

    def unheard(self, error: LTXError, run: Run) -> bool:
        """Note an attempt of a run without an answer, which may close the gate or end the run.

        Returns:
            Whether it is the one that makes an outage noticed.
        """
        lasted, now, jitter = self.outage.lasts, self.loop.time(), self.policy.random()
        follow_up = self.outage.unheard(error, now=now, closed=self.limiter.closed, jitter=jitter)
        if self.outage.lasts and not lasted:
            patience, why = self.outage.patience, message_for_log(error, error.email)
            began = OutageBegan(patience, error)
            what = "nobody answers; waiting up to %.0f s; the last one: %s"
            doubts.warning(what, patience, why, extra=facts_of(began))
            self.listener.tell(began)
        if isinstance(follow_up, ServiceUnavailableError):
            run.end(follow_up)
        elif follow_up is not None:
            self.close_gate(follow_up, error)
        return self.outage.is_noticed

    def refusal(self) -> RateLimitError | None:
        """Return the error of a lookup for which the server asks too long a wait, if it does."""
        left = self.limiter.refused_for()
        if left <= 0:
            return None
        return RateLimitError(
            f"HTTP 429 earlier: the server wants no request for another {left:.0f} s",
            status=429,
            retry_after=left,
        )

    def failed(self, error: LTXError, run: Run) -> bool:
        """Note a lookup beyond retry while nobody is answered; return as `unheard` does."""
        return self.outage.failed() and self.unheard(error, run)

    def heard_list(self) -> None:
        """Note that the list was answered: in an outage, more than one email may be asked."""
        self.outage.heard_list()
        if self.outage.reached:
            self.limiter.widen()

    def lower_concurrency(self) -> None:
        """Use only as many connections as there are file descriptors for, and warn of it once."""
        level = logging.INFO if self._lowered else logging.WARNING
        self._lowered = True
        logger.log(
            level, "out of file descriptors: concurrency lowered to %d", self.limiter.lower()
        )

    def _paced(self, rate: float, in_flight: int | None) -> None:
        self.listener.tell(PaceLearned(rate, in_flight))

    def _opened(self, window: int) -> None:
        logger.info("sending again, %d at first", window)
        self.listener.tell(GateOpened(window))


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError(
        "no event loop of asyncio is running here, as none is under trio",
        hint="Call it from a coroutine of asyncio.run, or take ltx_async.sync.LTXClient; "
        "under trio that one, in trio.to_thread.run_sync.",
    )
