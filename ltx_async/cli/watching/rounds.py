"""The rounds of `watch`: read the emails, look them up, tell what has changed, wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from ltx_async import LTXClient
from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.input_options import InputOptions
from ltx_async.cli.checking.listing import listed_emails
from ltx_async.cli.checking.run import CheckRun
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.exits import explanation, status_of
from ltx_async.cli.runtime import Interrupt, or_interrupt
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.watching.announcer import Announcer
from ltx_async.errors import AuthenticationError, LTXError, SubscriptionError
from ltx_async.files.errors import FileError
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.reading import open_file
from ltx_async.inputs.source import writing_state
from ltx_async.models import Lookup, Outcome
from ltx_async.monitor.changes import Change, Kind, Sighting
from ltx_async.monitor.ledger import Ledger, Round, count_outcomes
from ltx_async.monitor.schedule import rest
from ltx_async.wording import counted, spoken

if TYPE_CHECKING:
    from ltx_async.monitor.metrics import Metrics

_GRACE: Final = 3.0
_GLANCE: Final = 0.1
_GLANCES: Final = 30
_VANISHED: Final = frozenset({Kind.REMOVED, Kind.GONE})


@define(eq=False)
class UnrepeatedTalk(Talk):
    """Says each warning once, however many rounds bring it up again."""

    _warnings: set[str] = field(factory=set, init=False)

    def warn(self, text: str) -> None:
        """Print a warning that was not printed before."""
        if text not in self._warnings:
            self._warnings.add(text)
            self.line(f"warning: {text}", "yellow")


@define
class _Sightings:
    """A `Writer` that keeps of each lookup what can change."""

    thresholds: Thresholds
    seen: list[Sighting] = field(factory=list, init=False)

    async def write(self, lookup: Lookup) -> None:
        """Keep one lookup."""
        self.seen.append(Sighting.of(lookup, self.thresholds))

    async def close(self) -> None:
        """Do nothing: there is nothing to finish."""


@define(eq=False, kw_only=True)
class Watch:
    """Looks the same emails up again and again, and announces what has changed.

    Attributes:
        client: asks.
        observer: what the client tells of its events.
        source: the file with the emails, read again in each round; None for the list call.
        inputs: what was said about it.
        every: seconds from the beginning of a round to that of the next.
        rounds: how many; None for no end.
        thresholds: what is an alert.
        announcer: tells of changes.
        talk: for warnings, and for progress on a terminal.
        metrics: the same as figures; None for none.
        metrics_file: where to leave them after each round.
        pause: waits for seconds.
    """

    client: LTXClient
    observer: Observer
    source: str | None
    inputs: InputOptions
    every: float
    rounds: int | None
    thresholds: Thresholds
    announcer: Announcer
    talk: Talk
    metrics: Metrics | None = None
    metrics_file: Path | None = None
    pause: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep
    _written: object = field(default=None, init=False)
    _ledger: Ledger = field(factory=Ledger, init=False)
    _quietly: Talk = field(init=False)

    def __attrs_post_init__(self) -> None:
        # Progress is for eyes; in a log, only what has changed is of interest.
        quiet = self.talk.quiet or self.talk.console is None
        self._quietly = UnrepeatedTalk(quiet, self.talk.console)

    async def run(self, interrupt: Interrupt) -> int:
        """Go round until there were enough rounds, or a signal comes; return the exit status.

        Raises:
            FileError: the emails cannot be read in the first round, or the changes not
                be written.
            AuthenticationError, SubscriptionError: the first round was refused.
        """
        try:
            return await self._go_round(interrupt)
        finally:
            stopped = interrupt.signal is not None
            await self.announcer.finish(_GRACE if stopped else None)

    async def _go_round(self, interrupt: Interrupt) -> int:
        done = 0
        while True:
            began = time.monotonic()
            status = await self._round(interrupt, first=not done)
            done += 1
            if interrupt.signal is None:
                if done == self.rounds:
                    return status
                seconds = rest(self.every, time.monotonic() - began, random.random())  # noqa: S311
                await or_interrupt(interrupt, self.pause(seconds))
            if interrupt.signal is not None:
                return interrupt.exit_status

    async def _round(self, interrupt: Interrupt, *, first: bool) -> int:
        kept = _Sightings(self.thresholds)
        try:
            summary = await self._look(kept, interrupt)
        except LTXError as failure:
            error: Exception | None = failure
            summary = None
        else:
            error = None if summary is None else summary.error
        if first and isinstance(error, FileError | AuthenticationError | SubscriptionError):
            raise error
        seen = Round(
            datetime.now(UTC),
            kept.seen,
            trouble=None if error is None else explanation(error),
            complete=error is None and interrupt.signal is None,
            listed=self.source is None,
        )
        await self._tell(seen, summary, first=first)
        if error is not None:
            return status_of(error)
        return 0 if summary is None else summary.counts.exit_status

    # One round

    async def _look(self, kept: _Sightings, interrupt: Interrupt) -> Summary | None:
        """Look every email up; None where a signal came before the first."""
        emails = await self._emails(interrupt)
        if emails is None:
            return None
        work = CheckRun(
            emails,
            kept,
            self._quietly,
            counts=Counts(self.thresholds),
            observer=self.observer,
            ordered=True,
        )
        return await work.finish(self.client, interrupt)

    async def _emails(self, interrupt: Interrupt) -> DistinctEmails | None:
        if self.source is not None:
            await self._wait_for_writer(Path(self.source))
            return open_file(self.source, self.inputs.how(self._quietly.say))
        emails = await or_interrupt(interrupt, listed_emails(self.client, self._quietly))
        return None if emails is None else DistinctEmails.of(emails)

    async def _wait_for_writer(self, path: Path) -> None:
        """Wait while the file is being written, for a moment: half of it is no news."""
        for _ in range(_GLANCES):
            before, self._written = self._written, writing_state(path)
            if self._written == before:
                return
            await asyncio.sleep(_GLANCE)

    # What it came to

    async def _tell(self, seen: Round, summary: Summary | None, *, first: bool) -> None:
        changes = self._ledger.settle(seen)
        if self.metrics is not None:
            self._measure(self.metrics, seen, summary, changes)
        if first and seen.complete and not self._ledger.in_outage:
            self._introduce(seen)
        await self.announcer.announce(changes)
        if self.metrics is not None and self.metrics_file is not None:
            self._save(self.metrics, self.metrics_file, first=first)

    def _introduce(self, seen: Round) -> None:
        if not seen.sightings:
            self._quietly.warn("there is no email to watch so far")
            return
        watched = counted(len(seen.sightings), "email")
        outcomes = count_outcomes(seen.sightings)
        rhythm = "once" if self.rounds == 1 else f"every {spoken(self.every)}"
        self.talk.say(f"watching {watched} {rhythm}: {outcomes}")

    def _measure(
        self, metrics: Metrics, seen: Round, summary: Summary | None, changes: list[Change]
    ) -> None:
        believed = not self._ledger.in_outage
        for sighting in seen.sightings:
            if believed or sighting.outcome is not Outcome.NOT_FOUND:
                metrics.show(sighting)
        answered = {one.email for one in seen.sightings}
        for change in changes:
            if change.kind in _VANISHED and change.email not in answered:
                metrics.forget(change.subject)
        stats = None if summary is None else summary.stats
        metrics.end_round(stats, seen.at, up=believed)

    def _save(self, metrics: Metrics, path: Path, *, first: bool) -> None:
        try:
            metrics.save(path)
        except FileError as error:
            if first:
                raise
            self._quietly.warn(explanation(error))
