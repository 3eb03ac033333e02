"""One round of `watch`: every email looked up once, or all of them in the list call."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from attrs import define, field

from ltx_async import LTXClient
from ltx_async.alerts import Sighting, Thresholds
from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.inputs import (
    as_lookups,
    listed_accounts,
    listed_emails,
    warn_of_problems,
)
from ltx_async.cli.checking.run import CheckRun
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.input_options import InputOptions
from ltx_async.cli.runtime import Interrupt, or_interrupt
from ltx_async.cli.terminal.messages import Talk
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.reading import open_file
from ltx_async.inputs.source import writing_state
from ltx_async.models import Lookup

_GLANCE: Final = 0.1
_GLANCES: Final = 30


@define
class Sightings:
    """A `Writer` that keeps of each lookup what can change."""

    seen: list[Sighting] = field(factory=list, init=False)

    async def write(self, lookup: Lookup) -> None:
        """Keep one lookup."""
        self.seen.append(Sighting.of(lookup))

    async def close(self) -> None:
        """Do nothing: there is nothing to finish."""


@define(eq=False, kw_only=True)
class Looking:
    """Looks at the accounts that are watched.

    Attributes:
        client: sends the requests.
        observer: receives the client's events.
        source: the file with the emails, read again each time; None for the list call.
        inputs: how to read that file.
        list_only: whether the list call is the only request.
        thresholds: who is counted as needing somebody.
        talk: for warnings, and for progress on a terminal.
    """

    client: LTXClient
    observer: Observer
    source: str | None
    inputs: InputOptions
    list_only: bool = False
    thresholds: Thresholds
    talk: Talk
    _written: object = field(default=None, init=False)

    async def look(self, kept: Sightings, interrupt: Interrupt) -> Summary | None:
        """Look once; None where a signal came before the first answer.

        Raises:
            LTXError: the emails, or the list, cannot be had.
        """
        if self.list_only:
            return await or_interrupt(interrupt, self._list(kept))
        emails = await self._emails(interrupt)
        if emails is None:
            return None
        work = CheckRun(
            emails,
            kept,
            self.talk,
            counts=Counts(self.thresholds),
            observer=self.observer,
            ordered=True,
        )
        return await work.finish(self.client, interrupt)

    async def _list(self, kept: Sightings) -> Summary:
        began = time.monotonic()
        listed = await listed_accounts(self.client)
        warn_of_problems(listed, self.talk)
        counts, seconds = Counts(self.thresholds), time.monotonic() - began
        async for lookup in as_lookups(listed, seconds, self.client.base_url):
            counts.input += 1
            counts.add(lookup)
            await kept.write(lookup)
        return Summary(counts, None, seconds)

    async def _emails(self, interrupt: Interrupt) -> DistinctEmails | None:
        if self.source is not None:
            await self._wait_for_writer(Path(self.source))
            return open_file(self.source, self.inputs.how(self.talk.say))
        emails = await or_interrupt(interrupt, listed_emails(self.client, self.talk))
        return None if emails is None else DistinctEmails.of(emails)

    async def _wait_for_writer(self, path: Path) -> None:
        """Wait a moment while the file is being written, so as not to read half of it."""
        for _ in range(_GLANCES):
            before, self._written = self._written, writing_state(path)
            if self._written == before:
                return
            await asyncio.sleep(_GLANCE)
