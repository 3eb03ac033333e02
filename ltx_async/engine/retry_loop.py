"""One lookup from its first attempt to its result: the one retry loop."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from attrs import define, field

from ltx_async.engine.aside import Aside
from ltx_async.engine.attempts import Attempts, Sent
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.follow_up import FollowUp
from ltx_async.engine.limiter import client_closed
from ltx_async.engine.logs import facts_of, logger, mask_email, message_for_log
from ltx_async.engine.run import RunEndedError
from ltx_async.errors import (
    DeadlineError,
    LTXError,
    TransportError,
)
from ltx_async.events import RetryScheduled
from ltx_async.models import Outcome

T = TypeVar("T")


@define(eq=False)
class RetryLoop(Attempts[T]):
    """One lookup that is asked until it has a result.

    Attributes:
        bounds: how long it may take.
    """

    bounds: Bounds = field(kw_only=True)
    _ends_at: float | None = field(init=False, default=None)
    _last: LTXError | None = field(init=False, default=None)
    _follow_up: FollowUp | None = field(init=False, default=None)
    _aside: Aside | None = field(init=False, default=None)

    async def result(self, *, holds_slot: bool = False, sent: Sent | None = None) -> T | LTXError:
        """Ask until there is a result: what `read` made of a reply, or the error.

        Args:
            holds_slot: whether the slot of the first attempt is held.
            sent: the first request, where it has been sent.

        Raises:
            RunEndedError: the run ended first, perhaps by what this lookup met.
        """
        shared, limiter, run = self.shared, self.shared.limiter, self.run
        if run is None:
            self._ends_at = shared.loop.time() + self.bounds.deadline
        while True:
            if not holds_slot:
                if run is not None and run.ended is not None:
                    raise RunEndedError
                refusal = None if limiter.try_acquire() else await self._queue()
                if refusal is not None:
                    return self._left_alone(refusal)
            try:
                if self._ends_at is None:
                    began = shared.loop.time() if sent is None else sent.at
                    self._ends_at = began + self.bounds.deadline
                result = await self.attempt(self.bounds.timeout, self._ends_at, sent)
            finally:
                limiter.release()
            holds_slot, sent = False, None
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
        if self.shared.outage.lasts and self._may_be_blameless(error):
            return await self._set_aside(error)
        follow_up = self._follow_up = self._follow_up or FollowUp(self.shared, self.run)
        delay = self._delay_or_end(error, follow_up)
        if not isinstance(delay, float):
            return await self._set_aside(delay) if self._may_be_blameless(delay) else delay
        if delay or not self.throttled:  # else it is the closed gate that makes it wait
            await self._sleep(delay, error)
            if self.shared.outage.lasts and self._may_be_blameless(error):
                return await self._set_aside(error)
        return None

    def _delay_or_end(self, error: LTXError, follow_up: FollowUp) -> float | LTXError:
        """Return the seconds to wait before asking again, or the error to end with."""
        again = follow_up.after(error, throttled=self.throttled)
        now, ends_at = self.shared.loop.time(), self._remaining_until()
        if again is None:
            cut_short = self.shared.policy.retries(error) and now >= ends_at
            return self._too_late(error) if cut_short else error
        turn = 0.0 if self.run else self.shared.limiter.next_turn
        if max(now + again.delay, turn) >= ends_at:
            return self._too_late(error)
        began = ends_at - self.bounds.deadline
        if not self.run and now + again.delay - began > self.shared.outage.patience_with(error):
            return error
        return again.delay if again.free or follow_up.pay(error) else error

    def _may_be_blameless(self, error: LTXError) -> bool:
        """Tell whether others are to be asked before the lookup fails with an error.

        Raises:
            RunEndedError: the error is one that ends the run.
        """
        run = self.run
        if run is None:
            return False
        if error.ends_run:
            run.end(error)
            raise RunEndedError
        self._aside = self._aside or Aside(self, run, self.bounds)
        return self._aside.is_due(error)

    async def _set_aside(self, error: LTXError) -> LTXError | None:
        """Wait until other emails show what an error means; return it if this email is at fault.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        assert self._aside is not None
        if not await self._aside.wait(error):
            return error
        self._ends_at = None
        if self._follow_up is not None:
            self._follow_up.start_afresh()
        return None

    # Waiting

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
        if (refusal := self.shared.refusal()) is not None:
            return refusal
        if self.run is not None:
            began = self.shared.loop.time()
            with self.run.waiting():
                await limiter.acquire()
            if self._ends_at is not None:
                self._ends_at += self.shared.loop.time() - began
        else:
            if limiter.next_turn >= self._remaining_until():
                return self._too_late(self._last)
            try:
                async with asyncio.timeout_at(self._ends_at):
                    await limiter.acquire()
            except TimeoutError:
                return self._too_late(self._last)
        if (refusal := self.shared.refusal()) is not None:
            limiter.release()
        return refusal

    async def _sleep(self, delay: float, why: LTXError) -> None:
        run = self.run
        who, what = mask_email(self.email or "the list"), message_for_log(why, self.email)
        event = RetryScheduled(self.email or "", self.attempts, delay, why)
        logger.info("asking again for %s in %.1f s: %s", who, delay, what, extra=facts_of(event))
        self.shared.listener.tell(event)
        counts = self.email is not None and not self.throttled
        if run is None:
            self.shared.tally.counters.retries += counts
            await asyncio.sleep(delay)
            return
        run.counters.retries += counts
        await run.sleep(delay)

    def _remaining_until(self) -> float:
        assert self._ends_at is not None
        return self._ends_at

    def _too_late(self, error: LTXError | None) -> DeadlineError:
        why = "still waiting for its turn" if error is None else f"last: {error.message}"
        message = f"not answered within {self.bounds.deadline:g} s; {why}"
        return DeadlineError(message, last_error=error)
