"""One lookup from its first attempt to its result: the one retry loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from attrs import define, field

from ltx_async.codec import Redaction, Reply, Request
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.follow_up import FollowUp
from ltx_async.engine.limiter import client_closed
from ltx_async.engine.logs import logger, mask_email, message_for_log
from ltx_async.engine.outage import is_silence
from ltx_async.engine.run import Run, RunEndedError
from ltx_async.engine.shared import Shared
from ltx_async.errors import (
    CertificateError,
    ConnectError,
    DeadlineError,
    DecodeError,
    LTXError,
    ProtocolError,
    RateLimitError,
    ResponseError,
    ServerError,
    TransportError,
)
from ltx_async.events import AttemptFinished, AttemptStarted, RetryScheduled
from ltx_async.models import Outcome

_UNANSWERED: Final = (TransportError, CertificateError)
_LONGEST_AT_ONCE: Final = 64 << 10  # bytes of a body that take no millisecond to decode
_SHORTEST_TIMEOUT: Final = 0.001  # seconds; a deadline that just passed still gets one look
T = TypeVar("T")


@define(eq=False)
class RetryLoop(Generic[T]):
    """The state of one lookup.

    Attributes:
        shared: what it shares with all others.
        bounds: how long it may take.
        request: what it asks for.
        email: whom it concerns; None for the list call.
        read: makes the result of a reply, the email and the redaction.
        run: the run it is part of; None for a single lookup.
        attempts: requests sent so far.
        status: of the last reply; None before one.
        started_at: the clock's time at the first attempt; None before it.
    """

    shared: Shared
    bounds: Bounds
    request: Request
    email: str | None
    read: Callable[[Reply, str, Redaction], T | LTXError]
    run: Run | None = None
    attempts: int = field(init=False, default=0)
    status: int | None = field(init=False, default=None)
    started_at: float | None = field(init=False, default=None)
    _ends_at: float | None = field(init=False, default=None)
    _last: LTXError | None = field(init=False, default=None)
    _follow_up: FollowUp | None = field(init=False, default=None)
    _replies_at_silence: int | None = field(init=False, default=None)
    _throttled: bool = field(init=False, default=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the first attempt, 0 before it."""
        return 0.0 if self.started_at is None else self.shared.clock() - self.started_at

    async def result(self) -> T | LTXError:
        """Ask until there is a result: what `read` made of a reply, or the error.

        Raises:
            RunEndedError: the run ended first, perhaps by what this lookup met.
        """
        shared, limiter, run = self.shared, self.shared.limiter, self.run
        if run is None:
            self._ends_at = shared.loop.time() + self.bounds.deadline
        while True:
            if run is not None and run.ended is not None:
                raise RunEndedError
            refusal = None if limiter.try_acquire() else await self._queue()
            if refusal is not None:
                return self._left_alone(refusal)
            try:
                result = await self._attempt()
            finally:
                limiter.release()
            if not isinstance(result, LTXError) or result.outcome != Outcome.FAILED:
                shared.budget.give_back(0 if self._follow_up is None else self._follow_up.cost)
                return result
            if limiter.stopped and isinstance(result, TransportError):
                raise client_closed()
            self._last = result
            final = await self._wait_or_end(result)
            if final is not None:
                return final

    async def _wait_or_end(self, error: LTXError) -> LTXError | None:
        """Wait until the lookup may be tried again, or return the error that it ends with.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        follow_up = self._follow_up = self._follow_up or FollowUp(self.shared, self.run)
        delay = self._delay_or_end(error, follow_up)
        if not isinstance(delay, float):
            again = self.run is not None and await self._starts_afresh(self.run, delay, follow_up)
            return None if again else delay
        if not self._throttled:  # after a throttle it is the closed gate that makes it wait
            await self._sleep(delay, error)
        return None

    def _delay_or_end(self, error: LTXError, follow_up: FollowUp) -> float | LTXError:
        """Return the seconds to wait before asking again, or the error to end with."""
        again = follow_up.after(error, throttled=self._throttled)
        now, ends_at = self.shared.loop.time(), self._remaining_until()
        if again is None:
            cut_short = self.shared.policy.retries(error) and now >= ends_at
            return self._too_late(error) if cut_short else error
        opens_at = 0.0 if self.run else self.shared.limiter.opens_at
        if max(now + again.delay, opens_at) >= ends_at:
            return self._too_late(error)
        return again.delay if again.free or follow_up.pay(error) else error

    async def _starts_afresh(self, run: Run, error: LTXError, follow_up: FollowUp) -> bool:
        """Tell whether an outage excuses a failure; then all counting begins anew.

        Raises:
            RunEndedError: the error is one that ends the run, or the run ended meanwhile.
        """
        if error.ends_run:
            run.end(error)
            raise RunEndedError
        wait = self.shared.policy.backoff(2)
        if not await run.excuses(error, replies=self._replies_at_silence, wait=wait):
            return False
        follow_up.start_afresh()
        self._ends_at = self._replies_at_silence = None
        return True

    # Waiting

    def _refusal(self) -> LTXError:
        """Return the error of a lookup that the server wants to come later than anybody waits."""
        left = self.shared.limiter.refused_for()
        return RateLimitError(
            f"HTTP 429 earlier: the server wants no request for another {left:.0f} s",
            status=429,
            retry_after=left,
        )

    def _left_alone(self, refusal: LTXError) -> LTXError:
        """Return why a single lookup ends without an attempt.

        Raises:
            RunEndedError: it is part of a run, which ends for the same reason.
        """
        if self.run is None:
            return refusal
        self.run.end(refusal)
        raise RunEndedError

    async def _queue(self) -> LTXError | None:
        """Wait for a slot, and return an error where none is to be had in time.

        In a run the deadline's clock stands still meanwhile: how long a lookup is queued
        there depends on the pace of the run, and not on its email.
        """
        limiter = self.shared.limiter
        if limiter.refused_for() > 0:
            return self._refusal()
        if self.run is not None:
            began = self.shared.loop.time()
            with self.run.waiting():
                await limiter.acquire()
            if self._ends_at is not None:
                self._ends_at += self.shared.loop.time() - began
        else:
            if limiter.opens_at >= self._remaining_until():
                return self._too_late(self._last)
            try:
                async with asyncio.timeout_at(self._ends_at):
                    await limiter.acquire()
            except TimeoutError:
                return self._too_late(self._last)
        if limiter.refused_for() <= 0:
            return None
        limiter.release()
        return self._refusal()

    async def _sleep(self, delay: float, why: LTXError) -> None:
        run = self.run
        who, what = mask_email(self.email or "the list"), message_for_log(why, self.email)
        logger.info("asking again for %s in %.1f s: %s", who, delay, what)
        self.shared.tell(RetryScheduled(self.email or "", self.attempts, delay, why))
        if run is None:
            await asyncio.sleep(delay)
            return
        run.counters.retries += 1
        await run.sleep(delay)

    def _remaining_until(self) -> float:
        assert self._ends_at is not None
        return self._ends_at

    # Sending

    async def _attempt(self) -> T | LTXError:
        """Ask, and once more at once, without cost, where only the connection was at fault.

        A kept-alive connection that the server had closed in the meantime is nobody's
        fault (RFC 9112 9.3.1). One that brings the account of another email is out of step:
        its replies are those to other requests.
        """
        limiter = self.shared.limiter
        result = await self._send()
        if isinstance(result, ProtocolError) and result.reused and not limiter.stopped:
            result = await self._send()
        if isinstance(result, DecodeError) and result.another_email and not limiter.stopped:
            result = await self._send()
        return result

    async def _send(self) -> T | LTXError:
        """Put one request on the wire, make the result of its reply, and tell everybody of it."""
        shared = self.shared
        now, began = shared.loop.time(), shared.clock()
        self.attempts += 1
        if self.started_at is None:
            self.started_at = began
        if self._ends_at is None:
            self._ends_at = now + self.bounds.deadline
        watched = shared.watched
        if watched:
            shared.tell(AttemptStarted(self.email or "", self.attempts))
        timeout = max(_SHORTEST_TIMEOUT, min(self.bounds.timeout, self._ends_at - now))
        reply: Reply | None = None
        result: T | LTXError
        try:
            reply = await shared.transport.send(self.request, timeout)
        except _UNANSWERED as error:
            result = error.with_traceback(None)
        else:
            self.status = reply.status
            reading = (reply, self.email or "", shared.redaction)
            if len(reply.body) > _LONGEST_AT_ONCE:  # off the loop, which goes on meanwhile
                result = await shared.loop.run_in_executor(None, self.read, *reading)
            else:
                result = self.read(*reading)
            if isinstance(result, DecodeError) and result.another_email:
                shared.transport.discard(reply)
        seconds = shared.clock() - began
        failure = result if isinstance(result, LTXError) else None
        if watched:
            status = None if reply is None else reply.status
            event = AttemptFinished(self.email or "", self.attempts, seconds, status, failure)
            shared.tell(event)
        self._report(failure, now, seconds, replied=reply is not None)
        return result

    def _report(
        self, failure: LTXError | None, sent_at: float, seconds: float, *, replied: bool
    ) -> None:
        """Tell the limiter and the run how the attempt went."""
        limiter, run = self.shared.limiter, self.run
        self._throttled = replied and self.shared.is_throttle(failure)
        if self._throttled:
            assert isinstance(failure, ResponseError)
            self.shared.throttled(failure, sent_at)
        elif failure is None or (replied and not isinstance(failure, ServerError)):
            limiter.succeeded(sent_at)
        if run is None:
            return
        if not isinstance(failure, ConnectError):  # without a connection nothing was sent
            run.counters.requests += 1
        if replied:
            run.counters.latencies.add(seconds)
        if failure is not None and is_silence(failure):
            if self._replies_at_silence is None:
                self._replies_at_silence = run.outage.replies
            now, jitter = self.shared.loop.time(), self.shared.policy.random()
            wait = run.unheard(failure, now=now, closed=limiter.closed, jitter=jitter)
            if wait is not None:
                self.shared.close_gate(wait, failure)
        elif replied and run.outage.heard() and not self._throttled:
            limiter.reopen()

    def _too_late(self, error: LTXError | None) -> DeadlineError:
        why = "still waiting for its turn" if error is None else f"last: {error.message}"
        message = f"not answered within {self.bounds.deadline:g} s; {why}"
        return DeadlineError(message, last_error=error)
