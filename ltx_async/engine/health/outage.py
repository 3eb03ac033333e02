"""Whether a server is away: what silence means for all runs of a client, and for how long."""

from __future__ import annotations

import asyncio
import math

from attrs import define, field

from ltx_async.errors import (
    AttemptTimeoutError,
    ConnectError,
    DeadlineError,
    LTXError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    TransportError,
)
from ltx_async.retry import OUTAGE_STATUSES, OutageRule

_LARGEST_EXPONENT = 32
_ODD = 5  # times the streak: so many emails in a row may be at fault, however long that takes


def is_silence(error: LTXError) -> bool:
    """Whether an attempt got no answer, or only one of a proxy that cannot reach the server."""
    if isinstance(error, ResponseError):
        return error.status in OUTAGE_STATUSES
    if isinstance(error, ConnectError):
        return not error.out_of_descriptors
    return isinstance(error, AttemptTimeoutError)


def _is_misdirected(error: LTXError) -> bool:
    return isinstance(error, ConnectError) and error.misdirected


def may_pass(error: LTXError) -> bool:
    """Whether an attempt failed for a passing reason that is not this machine's fault."""
    if isinstance(error, ConnectError):
        return not error.out_of_descriptors
    attempt = isinstance(error, TransportError | ResponseError)
    return attempt and error.retryable and not isinstance(error, RateLimitError)


def cause_of(error: LTXError) -> LTXError | None:
    """Return what kept a lookup from its answer; None where it had no attempt at all."""
    return error.last_error if isinstance(error, DeadlineError) else error


@define(eq=False)
class Outage:
    """Counts silent attempts in a row, and says when they are an outage.

    It never waits for a server and never sends: it is told of every attempt, and of the time.
    Any reply to a lookup ends the count, whatever it says. A reply to the list call shows only
    that a server is there: the time until the run ends goes on until an email is answered.

    Attributes:
        rule: when silence counts as an outage.
        replies: replies to lookups so far.
        answers: the replies among them that tell the state of an account.
        outages: how many there were so far, one that lasts included.
        reached: whether the list was answered in the outage that lasts.
        met: whether there ever was a reply that is not among `replies`.
        began_at: when the outage that lasts began; None where there is none.
    """

    rule: OutageRule
    replies: int = 0
    answers: int = 0
    outages: int = field(init=False, default=0)
    reached: bool = field(init=False, default=False)
    met: bool = field(init=False, default=False)
    began_at: float | None = field(init=False, default=None)
    _silent: int = field(init=False, default=0)
    _astray: bool = field(init=False, default=False)
    _failed: int = field(init=False, default=0)
    _failing: bool = field(init=False, default=False)
    _tried: int = field(init=False, default=0)
    _probes: int = field(init=False, default=0)
    _answer: asyncio.Event = field(init=False, factory=asyncio.Event)

    @property
    def lasts(self) -> bool:
        """Whether there is an outage at the moment."""
        return self.began_at is not None

    @property
    def is_noticed(self) -> bool:
        """Whether the latest attempt is the one that completed a streak of silent ones."""
        return self._silent == self._streak

    @property
    def patience(self) -> float:
        """Seconds after the beginning of an outage at which a run ends."""
        return self._first_patience if self._is_misdirected else self.rule.patience

    def patience_with(self, error: LTXError) -> float:
        """Return the seconds for which a single lookup goes on trying after such an error."""
        return self._first_patience if _is_misdirected(error) and self._is_new else math.inf

    @property
    def _first_patience(self) -> float:
        return min(self.rule.first_patience, self.rule.patience)

    @property
    def _is_new(self) -> bool:
        """Whether no reply ever came, so that the base URL itself may be wrong."""
        return not (self.replies or self.met)

    @property
    def _is_misdirected(self) -> bool:
        """Whether all that was silent so far is what a wrong base URL brings."""
        return self._astray and self._is_new

    @property
    def _streak(self) -> int:
        """How many silent attempts in a row are an outage; one, if no email can be its cause."""
        return 1 if self._is_misdirected else self.rule.streak

    def counts(self, error: LTXError) -> bool:
        """Whether an attempt that ended with `error` leaves open if anybody is there."""
        return is_silence(error) or (self._failing and may_pass(error))

    def failed(self) -> bool:
        """Note a lookup that failed for good, for a passing reason, while no email is answered.

        Returns:
            Whether there have been so many that the next attempt begins an outage. From then on
            every passing reason counts as silence, also a status such as 500.
        """
        self._failed += 1
        if self.lasts or self._failed < self.rule.streak:
            return False
        self._failed, self._failing = 0, True
        self._silent = self.rule.streak - 1
        return True

    def heard(self, *, answered: bool) -> float | None:
        """Note a reply to a lookup; return when the outage began that it ends, if it ends one.

        Args:
            answered: whether it says how it stands with the account.
        """
        self.replies += 1
        if answered:
            self.answers += 1
            self._failed = 0
            self._answer.set()
        began_at = self.began_at
        if began_at is not None or self._silent:
            self.forget()
        return began_at

    def forget(self) -> None:
        """Count from zero again, as after a while without requests."""
        self._silent = self._tried = self._probes = 0
        self.began_at = None
        self._failing = self.reached = False

    def heard_list(self) -> None:
        """Note a reply to the list call: a server is there, so more emails may be tried at once."""
        self._silent = 0
        self.met = True
        self.reached = self.lasts

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
        self._astray = _is_misdirected(error) and (self._astray or self._silent == 1)
        if self.began_at is None:
            if self._silent < self._streak:
                return None
            self.began_at = now
            self.outages += 1
        self._tried += 1
        left = self.began_at + self.patience - now
        if left <= 0 and not self._may_be_odd:
            return self._gave_up(error, now - self.began_at)
        if closed or self._silent < self._streak:
            return None
        bound = math.ldexp(self.rule.probe_base, min(self._probes, _LARGEST_EXPONENT))
        self._probes += 1
        wait = min(self.rule.probe_cap, bound) * (0.5 + jitter / 2)
        return min(wait, left) if left > 0 else wait

    @property
    def _may_be_odd(self) -> bool:
        """Whether the emails may still be at fault, as the list call is answered."""
        return self.reached and self._tried < _ODD * self.rule.streak

    def _gave_up(self, error: LTXError, seconds: float) -> ServiceUnavailableError:
        return ServiceUnavailableError(
            f"no answer for {seconds:.0f} s, {self._silent} attempts in a row; "
            f"the last one: {error.message}",
            hint=error.hint if self._is_misdirected else None,
            last_error=error,
        )

    async def somebody_is_answered_within(self, seconds: float) -> bool:
        """Wait for an answer to anybody, `seconds` at most; return whether one came."""
        answers = self.answers
        self._answer.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._answer.wait()
        except TimeoutError:
            pass
        return self.answers > answers
