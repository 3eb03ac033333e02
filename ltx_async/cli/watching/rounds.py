"""The rounds of `watch`: look at the accounts, tell what has changed, wait."""

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
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.exits import ExitStatus, explanation, status_of
from ltx_async.cli.input_options import InputOptions
from ltx_async.cli.runtime import Interrupt, or_interrupt
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.watching.alert_command import AlertCommand
from ltx_async.cli.watching.announcer import Announcer
from ltx_async.cli.watching.looking import Looking, Sightings
from ltx_async.errors import AuthenticationError, LTXError, SubscriptionError
from ltx_async.files.errors import FileError
from ltx_async.monitor.figures import Figures
from ltx_async.monitor.ledger import Ledger, Round, count_outcomes
from ltx_async.monitor.schedule import rest
from ltx_async.monitor.standing import Rules
from ltx_async.monitor.state import StateFile
from ltx_async.wording import counted, spoken

if TYPE_CHECKING:
    from ltx_async.monitor.metrics import Metrics

_GRACE: Final = 3.0


@define(eq=False)
class UnrepeatedTalk(Talk):
    """Says each warning once, however many rounds bring it up again."""

    _warnings: set[str] = field(factory=set, init=False)

    def warn(self, text: str) -> None:
        """Print a warning that was not printed before."""
        if text not in self._warnings:
            self._warnings.add(text)
            self.line(f"warning: {text}", "yellow")


@define(eq=False, kw_only=True)
class Watch:
    """Looks at the same accounts again and again, and announces what has changed.

    Attributes:
        client: sends the requests.
        observer: receives the client's events.
        source: the file with the emails, read again in each round; None for the list call.
        inputs: how to read that file.
        list_only: whether a round is the list call alone.
        every: seconds from the beginning of a round to that of the next.
        rounds: how many; None for no end.
        rules: what is an alert, and how often it is repeated.
        announcer: prints the changes.
        command: the program that alerts are handed to; None for none.
        state: the file with what earlier processes reported; None for none.
        talk: for warnings, and for progress on a terminal.
        metrics: shows the state as figures; None for no metrics.
        metrics_file: where the metrics are written after each round; None for nowhere.
        pause: waits for some seconds.
    """

    client: LTXClient
    observer: Observer
    source: str | None
    inputs: InputOptions
    list_only: bool = False
    every: float
    rounds: int | None
    rules: Rules
    announcer: Announcer
    command: AlertCommand | None = None
    state: StateFile | None = None
    talk: Talk
    metrics: Metrics | None = None
    metrics_file: Path | None = None
    pause: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep
    _ledger: Ledger = field(init=False)
    _quietly: Talk = field(init=False)
    _looking: Looking = field(init=False)

    def __attrs_post_init__(self) -> None:
        # Progress is shown on a terminal only; a log is to hold nothing but changes.
        quiet = self.talk.quiet or self.talk.console is None
        self._quietly = UnrepeatedTalk(quiet, self.talk.console)
        self._looking = Looking(
            client=self.client,
            observer=self.observer,
            source=self.source,
            inputs=self.inputs,
            list_only=self.list_only,
            thresholds=self.rules.thresholds,
            talk=self._quietly,
        )
        self._ledger = Ledger(self.rules) if self.state is None else self.state.load(self.rules)
        if self.command is not None and self.state is not None:
            self.command.undelivered += self.state.undelivered

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
            await self.announcer.finish()
            if self.state is None and self.command is not None:
                self.command.give_up()

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
        kept = Sightings()
        try:
            summary = await self._looking.look(kept, interrupt)
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
        await self._tell(seen, summary, interrupt, first=first)
        if error is not None:
            return status_of(error)
        if self._ledger.in_outage:
            return ExitStatus.STOPPED
        return 0 if summary is None else summary.counts.exit_status

    # What it came to

    async def _tell(
        self, seen: Round, summary: Summary | None, interrupt: Interrupt, *, first: bool
    ) -> None:
        changes = self._ledger.settle(seen)
        if self.metrics is not None:
            await asyncio.to_thread(self._measure, self.metrics, seen, summary)
        if first and seen.complete and not self._ledger.in_outage:
            self._introduce(seen)
        alerts = await self.announcer.announce(changes)
        if self.command is not None:
            await or_interrupt(interrupt, self.command.hand_over(alerts), _GRACE)
        if self.state is not None:
            await self._remember(self.state, first=first)
        if self.metrics is not None and self.metrics_file is not None:
            self._save(self.metrics, self.metrics_file, first=first)

    async def _remember(self, state: StateFile, *, first: bool) -> None:
        """Save what was reported; if that fails, a new process may report it again."""
        undelivered = [] if self.command is None else self.command.undelivered
        try:
            await asyncio.to_thread(state.save, self._ledger, undelivered)
        except FileError as error:
            if first:
                raise
            self._quietly.warn(explanation(error))

    def _introduce(self, seen: Round) -> None:
        if not seen.sightings:
            self._quietly.warn("there is no email to watch so far")
            return
        watched = counted(len(seen.sightings), "email")
        outcomes = count_outcomes(seen.sightings)
        rhythm = "once" if self.rounds == 1 else f"every {spoken(self.every)}"
        self.talk.say(f"watching {watched} {rhythm}: {outcomes}")

    def _measure(self, metrics: Metrics, seen: Round, summary: Summary | None) -> None:
        """Update the metrics; in an outage they keep what was known before."""
        up, standings = not self._ledger.in_outage, self._ledger.standings.values()
        figures = Figures(self.rules.thresholds, seen.at)
        for standing in standings:
            figures.add(standing.as_sighting(seen.at))
        metrics.end_round(
            figures if up or standings else None,
            None if summary is None else summary.stats,
            seen.at,
            up=up,
            whole=seen.complete,
            standings=standings,
        )

    def _save(self, metrics: Metrics, path: Path, *, first: bool) -> None:
        try:
            metrics.save(path)
        except FileError as error:
            if first:
                raise
            self._quietly.warn(explanation(error))
