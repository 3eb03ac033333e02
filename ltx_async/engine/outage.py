"""Whether a server is away: what its silence means for a run, and for how long."""

from __future__ import annotations

import asyncio
import math

from attrs import define, field

from ltx_async.errors import (
    AttemptTimeoutError,
    ConnectError,
    DeadlineError,
    LTXError,
    ResponseError,
    ServiceUnavailableError,
)
from ltx_async.retry import OUTAGE_STATUSES, OutageRule

_LARGEST_EXPONENT = 32


def is_silence(error: LTXError) -> bool:
    """Whether an attempt got no answer, or one of an edge that cannot reach the origin."""
    if isinstance(error, ResponseError):
        return error.status in OUTAGE_STATUSES
    if isinstance(error, ConnectError):
        return not error.out_of_descriptors
    return isinstance(error, AttemptTimeoutError)


@define(eq=False)
class Outage:
    """Counts silent attempts in a row, and says when they are an outage.

    It never waits or sends: it is told of every attempt, and of the time.

    Attributes:
        rule: when silence counts as an outage.
        replies: replies so far that say that somebody answers.
    """

    rule: OutageRule
    replies: int = 0
    _silent: int = field(init=False, default=0)
    _gives_up_at: float | None = field(init=False, default=None)
    _probes: int = field(init=False, default=0)
    _answer: asyncio.Event = field(init=False, factory=asyncio.Event)

    @property
    def lasts(self) -> bool:
        """Whether there is an outage just now: so many attempts in a row got no answer."""
        return self._gives_up_at is not None

    def heard(self) -> bool:
        """Note a reply: whatever it says, somebody answers; return whether that ends an outage."""
        self.replies += 1
        if not self._silent:
            return False
        lasted = self.lasts
        self._silent = self._probes = 0
        self._gives_up_at = None
        self._answer.set()
        return lasted

    def unheard(
        self, error: LTXError, *, now: float, closed: bool, jitter: float
    ) -> float | ServiceUnavailableError | None:
        """Note an attempt without an answer.

        Args:
            error: what it ended with.
            now: the time, in seconds; it never goes back.
            closed: whether the gate is closed already.
            jitter: from 0 to 1, shortens the wait to half at most.

        Returns:
            The seconds that the gate is to be closed for, before one probe; None where it
            need not be; or the error that ends the run, once patience is at its end.
        """
        self._silent += 1
        if self._silent < self.rule.streak:
            return None
        if self._gives_up_at is None:
            self._gives_up_at = now + self.rule.patience
        if now >= self._gives_up_at:
            return self._gave_up(error, self.rule.patience + now - self._gives_up_at)
        if closed:
            return None
        bound = math.ldexp(self.rule.probe_base, min(self._probes, _LARGEST_EXPONENT))
        self._probes += 1
        wait = min(self.rule.probe_cap, bound) * (0.5 + jitter / 2)
        return min(wait, self._gives_up_at - now)

    def _gave_up(self, error: LTXError, seconds: float) -> ServiceUnavailableError:
        return ServiceUnavailableError(
            f"no answer for {seconds:.0f} s, {self._silent} attempts in a row; "
            f"the last one: {error.message}",
            last_error=error,
        )

    def is_to_blame(self, error: LTXError, *, replies: int | None, others: bool) -> bool | None:
        """Whether an outage, and not its email, is to blame for what a lookup would fail with.

        A slow email among answered ones is no outage, and neither is one that is left over
        at the end of a run that had answers.

        Args:
            error: what the lookup would fail with.
            replies: the value of `replies` at its first silent attempt, None without one.
            others: whether there may be further emails to ask for.

        Returns:
            None where only an answer to somebody else, or none, can tell.
        """
        cause = error.last_error if isinstance(error, DeadlineError) else error
        if cause is None or not is_silence(cause):
            return False
        if self.lasts:
            return True
        lasting = isinstance(cause, ResponseError) and not cause.retryable
        if lasting or replies is None or self.replies > replies:
            return False
        return False if self.replies and not others else None

    async def nobody_answers_within(self, seconds: float) -> bool:
        """Wait for a reply to anybody, `seconds` at most; return whether none came."""
        replies = self.replies
        self._answer.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._answer.wait()
        except TimeoutError:
            pass
        return self.replies == replies
