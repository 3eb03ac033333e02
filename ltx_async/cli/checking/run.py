"""One run of many lookups, from the emails through the client to the writer and the summary."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from attrs import Factory, define, field

from ltx_async.cli.checking.activity import Observer
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.hints import UnusualEmails, explain_not_found
from ltx_async.cli.checking.order import InputOrder
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.exits import GO_ON
from ltx_async.cli.runtime import Interrupt, or_interrupt
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.terminal.progress import Snapshot, Speedometer, shown_progress
from ltx_async.errors import LTXError
from ltx_async.files.errors import FileError, InputError, OutputFailedError, UnsavedError
from ltx_async.models import Lookup
from ltx_async.results.ahead import Ahead, batches
from ltx_async.wording import counted

if TYPE_CHECKING:
    from ltx_async import BulkLookup, LTXClient
    from ltx_async.cli.checking.thresholds import Only
    from ltx_async.inputs.emails import DistinctEmails
    from ltx_async.results.output import Output, Writer

# After a signal, a run is to end within 5 seconds: the first three together are less.
_GRACE: Final = 3.0
_LAST_WORDS: Final = 0.5
_SHORT_COUNT: Final = 1.0
_LONG_COUNT: Final = 5.0
_GLANCE: Final = 0.02
_EXPECTED_ENDINGS: Final = (LTXError, BrokenPipeError)


@define(eq=False)
class CheckRun:
    """Looks emails up, and keeps what the client delivers.

    Attributes:
        emails: what to ask for.
        writer: where the records go.
        talk: for progress and warnings.
        counts: what was delivered.
        observer: to be given to the client as `on_event`.
        only: which lookups are written; None for all.
        ordered: whether to deliver in input order.
        settles: whether to ask for the list of accounts if no account is found.
        live: whether progress may be redrawn on the terminal; False if records go there too.
        results: the writer once more, if it is a file of results, for the summary.
        again: how to go on with the results of a run that ended early.
    """

    emails: DistinctEmails
    writer: Writer[Lookup]
    talk: Talk
    counts: Counts = field(factory=Counts)
    observer: Observer = field(default=Factory(lambda run: Observer(run.talk), takes_self=True))
    only: Only | None = None
    ordered: bool = False
    settles: bool = True
    live: bool = True
    results: Output[Lookup] | None = None
    again: str = GO_ON
    _order: InputOrder | None = field(default=None, init=False)
    _unusual: UnusualEmails = field(factory=UnusualEmails, init=False)
    _speed: Speedometer = field(factory=Speedometer, init=False)
    _ahead: Ahead = field(factory=Ahead, init=False)

    async def finish(self, client: LTXClient, interrupt: Interrupt) -> Summary:
        """Run to the end, to an error that ends it, or to a signal; close the writer."""
        began = time.monotonic()
        if self.ordered:
            self._order = InputOrder(self._keep)
        self.emails.on_refused = (
            self._keep_invalid if self._order is None else self._order.add_invalid
        )
        self.emails.on_earlier = self.counts.add_earlier
        lookups = client.lookup_many(self.emails, ordered=self.ordered)
        async with shown_progress(self.talk, self._snapshot, live=self.live):
            error = await self._deliver_all(client, lookups, interrupt)
        self._warn_of_unusual()
        error = await self._close(error, interrupt)
        await self._count_rest(_LONG_COUNT if interrupt.signal is None else _SHORT_COUNT)
        return Summary(
            counts=self.counts,
            stats=lookups.stats,
            seconds=time.monotonic() - began,
            whole_input=self.emails.exhausted,
            lines=self.emails.lines,
            error=error if interrupt.signal is None else None,
            signal=interrupt.signal,
            results=self._place(),
            again=self.again,
        )

    async def _deliver_all(
        self, client: LTXClient, lookups: BulkLookup, interrupt: Interrupt
    ) -> Exception | None:
        """Deliver until the end; return the error that ended it early, if it is a known kind."""
        delivery = asyncio.create_task(self._deliver(client, lookups))
        signal = asyncio.create_task(interrupt.wait())
        await asyncio.wait({delivery, signal}, return_when=asyncio.FIRST_COMPLETED)
        if not delivery.done():
            await self._wind_down(client, delivery)
        signal.cancel()
        delivery.cancel()
        await asyncio.wait({delivery, signal})
        error = None if delivery.cancelled() else delivery.exception()
        if error is None or isinstance(error, _EXPECTED_ENDINGS):
            return error
        raise error

    async def _wind_down(self, client: LTXClient, delivery: asyncio.Task[None]) -> None:
        """Take no new email, and give the requests in flight a few seconds."""
        self.talk.say("stopping; once more stops at once")
        self.emails.stop()
        patience = time.monotonic() + _GRACE
        idle = 0  # rounds without a delivery: replies that just came need one more round
        while not delivery.done() and idle < 2 and time.monotonic() < patience:
            done = self.counts.done
            await asyncio.wait({delivery}, timeout=_GLANCE)
            goes_on = client.in_flight or self._ahead.busy or self.counts.done > done
            idle = 0 if goes_on else idle + 1

    async def _deliver(self, client: LTXClient, lookups: BulkLookup) -> None:
        try:
            await self._keep_all(client, lookups)
        finally:
            if self._order is not None:
                await self._order.finish()

    async def _keep_all(self, client: LTXClient, lookups: BulkLookup) -> None:
        async with lookups:
            async for lookup in lookups:
                if self._order is not None:
                    await self._order.add_answer(lookup)
                elif self.results is None:
                    await self._keep(lookup)
                else:
                    await self._keep_batches(self.results, [lookup, *lookups.at_hand()])
                if self.observer.missing:
                    await self._settle(client)
        if self.observer.missing:
            await self._settle(client)

    async def _settle(self, client: LTXClient) -> None:
        """Find out by one request why no account is found, if `settles` allows that request."""
        missing, self.observer.missing = self.observer.missing, 0
        if self.settles and not self.counts.earlier:
            self._warn_of_unusual()  # a likelier reason than a token of another account
            self.talk.warn(await explain_not_found(client, missing))

    def _warn_of_unusual(self) -> None:
        if (warning := self._unusual.warning()) is not None:
            self.talk.warn(warning)

    async def _keep_invalid(self, lookup: Lookup, _before: int) -> None:
        await self._keep(lookup)

    async def _keep_batches(self, results: Output[Lookup], lookups: list[Lookup]) -> None:
        for number, batch in enumerate(batches(lookups)):
            if number:
                await asyncio.sleep(0)  # for signals, timers and replies
            if len(batch) == 1:
                await self._keep(batch[0])
            else:
                await self._keep_several(results, batch)

    async def _keep_several(self, results: Output[Lookup], lookups: Sequence[Lookup]) -> None:
        """Write lookups in one go; where that fails, one by one up to what cannot be kept."""
        wanted = lookups if self.only is None else list(filter(self._admits, lookups))
        try:
            if wanted:
                await results.write_all(wanted)
        except OutputFailedError:
            for lookup in lookups:
                await self._keep(lookup)
            return
        except asyncio.CancelledError:
            self._count(lookups)  # they are written
            raise
        self._count(lookups)

    async def _keep(self, lookup: Lookup) -> None:
        """Write a lookup, then count it: what is counted is kept."""
        if self._admits(lookup):
            await self._ahead.prepare(lookup)
            try:
                await self.writer.write(lookup)
            except asyncio.CancelledError:
                self._count((lookup,))  # closing the writer will finish this record
                raise
        self._count((lookup,))

    def _admits(self, lookup: Lookup) -> bool:
        return self.only is None or self.only.admits(lookup, self.counts.thresholds)

    def _count(self, lookups: Iterable[Lookup]) -> None:
        for lookup in lookups:
            self.counts.add(lookup)
            self._unusual.add(lookup)

    async def _close(self, error: Exception | None, interrupt: Interrupt) -> Exception | None:
        try:
            if error is None and interrupt.signal is None:
                await self._put_in_place()
            # After a signal, do not wait long for a slow reader or a lock.
            await or_interrupt(interrupt, self.writer.close(), _LAST_WORDS)
        except UnsavedError as failure:
            results = counted(self.counts.take_back(failure.outcomes), "result")
            if interrupt.signal is not None:
                self.talk.warn(f"{results} not saved: {failure}")
            return error or failure
        except (FileError, BrokenPipeError) as failure:
            return error or failure
        return error

    async def _put_in_place(self) -> None:
        """Replace an older output by one that is complete, even if nothing had to be written."""
        if self.results is not None and self.counts.delivered:
            await self.results.put_in_place()

    def _place(self) -> str | None:
        """Say where the results lie; None where there is no file of them."""
        if self.results is None or self.results.in_place:
            return None if self.results is None else self.results.name
        left = "left as it was" if os.path.lexists(self.results.name) else "not made"
        self.talk.say(f"{self.results.name}: {left}, as no result came for it")
        return None

    async def _count_rest(self, seconds: float) -> None:
        try:
            await self.emails.count_rest(seconds)
        except InputError:
            pass  # the rest cannot be counted; the summary says that the input was not read whole
        finally:
            self.emails.close()
        self._count_input()

    def _count_input(self) -> None:
        self.counts.input = self.emails.taken
        self.counts.duplicate = self.emails.duplicates

    def _snapshot(self, now: float) -> Snapshot:
        self._count_input()
        figures = self.counts.by_name()
        del figures["pending"]
        return Snapshot(
            done=self.counts.done,
            expected=self.emails.expected,
            counts=figures,
            rate=self._speed.rate(self.counts.done - self.counts.earlier, now),
            note=self.observer.note,
            exact=self.emails.is_read,
        )
