"""Set a lookup aside while no email gets an answer, and ask for other emails meanwhile."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final

from attrs import define, field

from ltx_async.codec import ACCOUNT_LIST
from ltx_async.engine.attempts import Attempts, read_list
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.health.outage import cause_of, is_silence, may_pass
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import DeadlineError, LTXError, ResponseError

_SHORTEST: Final = 0.01  # seconds between two looks at whether anybody else is asked


@define(eq=False)
class Aside:
    """Decides whether one lookup of a run is set aside, and waits until it is known why.

    An email that gets no answer may be at fault itself, or the server may be away. Only
    other emails can show which: so they are asked for while this one waits, which costs it no
    attempt. As soon as one of them is answered, there is no outage, and this one is asked again.

    Attributes:
        attempts: the requests of the lookup.
        run: the run it is part of.
        bounds: how long a request may take.
    """

    attempts: Attempts[Any]
    run: Run
    bounds: Bounds
    shared: Shared = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.shared = self.attempts.shared

    def is_due(self, error: LTXError) -> bool:
        """Tell whether an outage, and not its email, may be to blame for an error.

        A slow email among answered ones is no outage, and neither is one that is left over
        at the end of a run that had answers.

        Args:
            error: what the lookup would fail with.
        """
        outage, run, answers = self.shared.outage, self.run, self.attempts.answers_at_failure
        cause = cause_of(error)
        if cause is None:
            return False
        if outage.lasts:
            return outage.counts(cause)
        if self.attempts.had_its_turn or not may_pass(cause):
            return False
        if answers is None or outage.answers > answers or run.asides >= outage.rule.streak:
            return False
        if is_silence(cause):
            return run.more or not run.answered
        if isinstance(error, DeadlineError):
            return False
        if self.attempts.attempts == 1 and outage.answers > self.attempts.answers_at_start:
            return False
        return run.more or (self.shared.limiter.busy and not run.answered)

    async def wait(self, error: LTXError) -> bool:
        """Wait until somebody is answered, or there is nobody else to ask.

        The lookup that made an outage noticed asks for the list meanwhile: if that is answered,
        more than one email at a time may be asked to find one that is.

        Args:
            error: what the lookup would fail with.

        Returns:
            Whether the lookup is to be asked again. Where the list is answered and there is
            no other email that could be, the emails are at fault; and so is one that got a
            reply while there was no outage.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        outage, run = self.shared.outage, self.run
        answers, cause = outage.answers, cause_of(error) or error
        outages = outage.outages - outage.lasts
        told = cause.retry_after if isinstance(cause, ResponseError) else None
        due = self.shared.loop.time() + (told or 0.0)
        if not outage.lasts:
            self.attempts.notices = self.shared.failed(error, run)
        with run.waiting(), run.setting_aside():
            if self.attempts.notices:
                await self._ask_for_list()
            while outage.answers == answers and not await self._nobody_else_asks():
                pass
            over = outage.answers == answers and not outage.lasts
            if not is_silence(cause) and (over or outage.outages == outages):
                return False
            left = due - self.shared.loop.time()
            if left > self.shared.policy.retry_after_cap:
                return False  # the server wants no request for longer than a run waits
            await asyncio.sleep(left)
        self.attempts.answers_at_failure = None
        if outage.answers > answers:
            self.attempts.had_its_turn = True
            return True
        return not outage.reached

    async def _nobody_else_asks(self) -> bool:
        """Wait for an answer for a while; tell whether no other email could still get one.

        It looks twice, because another lookup may have been just about to ask.
        """
        shared, limiter, run = self.shared, self.shared.limiter, self.run
        if (refusal := shared.refusal()) is not None:  # nobody will be asked for longer than that
            run.end(refusal)
        closed = limiter.opens_at - shared.loop.time()
        for seconds in (max(shared.policy.backoff(2), closed), 0.0):
            answered = await shared.outage.somebody_is_answered_within(max(seconds, _SHORTEST))
            if answered or limiter.busy or run.sleepers > run.asides:
                return False
        return True

    async def _ask_for_list(self) -> None:
        """Ask for the list with one request, before all emails that wait for their turn."""
        limiter = self.shared.limiter
        await limiter.acquire(first=True)
        try:
            if not self.shared.outage.lasts:  # somebody was answered meanwhile
                return
            listing = Attempts(self.shared, ACCOUNT_LIST, None, read_list, self.run)
            error = await listing.attempt(self.bounds.timeout, math.inf)
        finally:
            limiter.release()
        if not isinstance(error, LTXError):
            return
        if error.ends_run:
            self.run.end(error)
        if self.shared.outage.counts(error):
            self.shared.outage.reached = False
