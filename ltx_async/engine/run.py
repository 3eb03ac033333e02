"""What the lookups of one run share: whether it goes on, and whether anybody answers."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from ltx_async.engine.outage import is_silence
from ltx_async.engine.stats import Counters
from ltx_async.errors import (
    DeadlineError,
    LTXError,
    ResponseError,
    ServiceUnavailableError,
)
from ltx_async.retry import OutageRule


class RunEndedError(Exception):
    """This lookup stays pending, because its run has ended; never reaches a caller."""


@define(eq=False)
class Run:
    """The state of one `lookup_many`: its end, its outage, its counters.

    Attributes:
        rule: when silence counts as an outage.
        clock: monotonic seconds.
        counters: what was done so far.
        ended: why the run takes no further email; None while it goes on.
        replies: replies so far that say that somebody answers.
        more: whether there may be further emails to take.
        sleepers: lookups that sleep before a retry.
        on_sleep: called whenever one more does.
    """

    rule: OutageRule
    clock: Callable[[], float]
    counters: Counters = field(factory=Counters)
    ended: LTXError | None = None
    replies: int = 0
    more: bool = True
    sleepers: int = 0
    on_sleep: Callable[[], None] | None = None
    _silent: int = field(init=False, default=0)
    _gives_up_at: float | None = field(init=False, default=None)
    _probes: int = field(init=False, default=0)
    _waiting: set[asyncio.Task[Any]] = field(init=False, factory=set)
    _stopped: set[asyncio.Task[Any]] = field(init=False, factory=set)
    _answer: asyncio.Event = field(init=False, factory=asyncio.Event)

    # The end

    def end(self, error: LTXError) -> None:
        """End the run because of `error`: who waits stops, what is in flight finishes."""
        if self.ended is None:
            self.ended = error
            self._stopped |= self._waiting
            for task in self._waiting:
                task.cancel()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark a wait that the end of the run is to cut short.

        Raises:
            RunEndedError: the run has ended, before or during the wait.
        """
        if self.ended is not None:
            raise RunEndedError
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._stopped or task.uncancel() > 0:
                raise
        else:
            return
        finally:
            self._waiting.discard(task)
            self._stopped.discard(task)
        raise RunEndedError

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends, and let somebody else have the slot meanwhile.

        Raises:
            RunEndedError: the run has ended, before or during the sleep.
        """
        with self.waiting(), self._sleeping():
            await asyncio.sleep(seconds)

    @contextlib.contextmanager
    def _sleeping(self) -> Iterator[None]:
        self.sleepers += 1
        if self.on_sleep is not None:
            self.on_sleep()
        try:
            yield
        finally:
            self.sleepers -= 1

    # The outage

    @property
    def in_outage(self) -> bool:
        """Whether so many attempts in a row got no answer that the gate was closed."""
        return self._gives_up_at is not None

    def heard(self) -> bool:
        """Note a reply: whatever it says, somebody answers; return whether that is news."""
        self.replies += 1
        if not self._silent:
            return False
        was_in_outage = self.in_outage
        self._silent = self._probes = 0
        self._gives_up_at = None
        self._answer.set()
        return was_in_outage

    def unheard(self, error: LTXError, *, closed: bool, jitter: float) -> float | None:
        """Note an attempt without an answer.

        Args:
            error: what it ended with.
            closed: whether the gate is closed already.
            jitter: from 0 to 1, shortens the wait to half at most.

        Returns:
            The seconds that the gate is to be closed for, before one probe; None
            where it need not be.
        """
        self._silent += 1
        if self._silent < self.rule.streak:
            return None
        now = self.clock()
        if self._gives_up_at is None:
            self._gives_up_at = now + self.rule.patience
        if now >= self._gives_up_at:
            self.end(self._gave_up(error, self.rule.patience + now - self._gives_up_at))
            return None
        if closed:
            return None
        bound = math.ldexp(self.rule.probe_base, min(self._probes, 32))
        self._probes += 1
        wait = min(self.rule.probe_cap, bound) * (0.5 + jitter / 2)
        return min(wait, self._gives_up_at - now)

    def _gave_up(self, error: LTXError, seconds: float) -> ServiceUnavailableError:
        return ServiceUnavailableError(
            f"no answer for {seconds:.0f} s, {self._silent} attempts in a row; "
            f"the last one: {error.message}",
            last_error=error,
        )

    async def excuses(self, error: LTXError, *, replies: int | None, wait: float) -> bool:
        """Tell whether a lookup that would fail with `error` is to be asked again instead.

        It is when the failure is part of an outage, or may still turn out to be: nobody
        has been answered since its first silent attempt. Then it waits for an answer to
        the others first. A slow email among answered ones is no outage, and neither is
        one that is left over at the end of a run that had answers.

        Args:
            error: what the lookup would fail with.
            replies: the value of `replies` at its first silent attempt, None without one.
            wait: the most seconds to wait for an answer.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        cause = error.last_error if isinstance(error, DeadlineError) else error
        if cause is None or not is_silence(cause):
            return False
        if self.in_outage:
            return True
        lasting = isinstance(cause, ResponseError) and not cause.retryable
        if lasting or replies is None or self.replies > replies:
            return False
        if self.replies and not self.more:
            return False
        self._answer.clear()
        with self.waiting(), self._sleeping(), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._answer.wait()
        return self.replies == replies
