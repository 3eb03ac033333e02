"""The emails of a run, read as late as possible: counted, told from duplicates, sorted out."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from attrs import define, field

from ltx_async.errors import InvalidEmailError
from ltx_async.files.errors import InputCutError, InputError
from ltx_async.inputs.entries import Entry, EntryRule, LineCounts
from ltx_async.inputs.seen import Meeting, SeenEmails
from ltx_async.models import Lookup, Outcome

if TYPE_CHECKING:
    from ltx_async.inputs.sequence import InputSequence


_FIRST: Final = Meeting.FIRST  # a name, as there may be a million emails
_AGAIN: Final = Meeting.AGAIN
_NOTHING_ASKED: Final = "Nothing was asked: get the whole of it first."


def invalid_lookup(entry: Entry, index: int) -> Lookup:
    """Return the lookup of an entry that is never sent."""
    error = InvalidEmailError(entry.reason or "", email=entry.text)
    now = datetime.now(UTC)
    return Lookup(index, entry.text, Outcome.INVALID, None, error, None, 0, 0.0, now)


@define
class DistinctEmails:
    """The emails to ask for, each once, as an async iterator that reads the input as it goes.

    An entry that cannot be asked for goes to `on_refused`, as a lookup and with the number of
    emails given out before it. A duplicate is only counted. If an earlier run has a record of
    an email, the record goes to `on_earlier` and the email is not given out.

    Attributes:
        limit: how many emails are given out at most; None for all.
        seen: the emails so far, and those of an earlier run.
        taken: entries so far, duplicates and refused ones included.
        given: emails given out so far.
        duplicates: how many of the entries had been taken before.
        unfilled: how many entries are empty beyond the first one, which stands for all.
        exhausted: whether the end of the input was reached.
    """

    _inputs: InputSequence | None
    on_refused: Callable[[Lookup, int], Awaitable[None]] | None = None
    on_earlier: Callable[[Any], None] | None = None
    limit: int | None = None
    seen: SeenEmails[Any] = field(factory=SeenEmails)
    taken: int = field(default=0, init=False)
    given: int = field(default=0, init=False)
    duplicates: int = field(default=0, init=False)
    unfilled: int = field(default=0, init=False)
    exhausted: bool = field(default=False, init=False)
    _stopped: bool = field(default=False, init=False)
    _limited: bool = field(default=False, init=False)
    _failure: InputError | None = field(default=None, init=False)
    _ready: deque[Entry] = field(factory=deque, init=False)
    _arguments: LineCounts = field(factory=LineCounts, init=False)

    @classmethod
    def of(cls, emails: Iterable[str]) -> DistinctEmails:
        """Take emails that are in memory; lone surrogates stand for undecodable bytes (PEP 383)."""
        distinct = cls(None)
        rule = EntryRule(extract=False, counts=distinct._arguments)
        for number, email in enumerate(emails, 1):
            distinct._ready.extend(rule.of_cell(email, number, broken=True))
        distinct._arguments.lines = len(distinct._ready)
        return distinct

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while (email := self.at_hand()) is None:
            if self.taken and not self._ready:
                await asyncio.sleep(0)  # signals are heard between the pieces
            entry = await self._next()
            if entry is None:
                raise StopAsyncIteration
            if not self._is_new(entry):
                continue
            if entry.email is None:
                await self._refuse(entry)
            elif self.given == self.limit:
                self.taken -= 1
                self._stopped = self._limited = True
                self.exhausted = False
            else:
                self.given += 1
                return entry.email
        return email

    def at_hand(self) -> str | None:
        """Return the next email if it has been read and nothing else is to be done before it.

        None does not mean the end: `anext` tells what follows.
        """
        ready = self._ready
        while ready and ready[0].email is not None:
            if self._stopped or self.given == self.limit:
                break
            entry = ready.popleft()
            if self._is_new(entry):
                self.given += 1
                return entry.email
        return None

    @property
    def is_read(self) -> bool:
        """Whether the whole input has been read, though perhaps not given out yet."""
        return self._inputs is None or self.exhausted

    @property
    def expected(self) -> int | None:
        """Entries in all: exact once `is_read`, an estimate by bytes before; None if unknown."""
        read = self.taken + len(self._ready)
        if self._inputs is None or self.exhausted:
            return read
        share = self._inputs.share
        return None if not share else max(read, round(read / share))

    @property
    def lines(self) -> LineCounts:
        """What became of the lines that were read."""
        return self._arguments if self._inputs is None else self._inputs.counts

    async def peek(self) -> None:
        """Read the beginnings of files, so that a bad header is known before there is an output.

        Raises:
            InputError: one has no such column, is no text, or ends too early.
        """
        if self._inputs is None:
            return
        try:
            await self._inputs.verify_others()
            for _ in range(self._inputs.pieces_ahead):
                if not self.exhausted:
                    await self._fill()
                    self._raise_failure()
        except InputCutError as error:  # there is nothing to be continued
            cut = error
        else:
            return
        raise InputError(cut.message, hint=_NOTHING_ASKED)

    def stop(self) -> None:
        """Give out no further email."""
        self._stopped = True
        if self._inputs is not None:
            self._inputs.stop()

    async def count_rest(self, seconds: float) -> None:
        """Count what was not given out, so that the pending emails are known.

        `exhausted` stays False for a pipe, which may never end, for a file that takes longer
        than `seconds`, and where there is a limit: these are not read on.
        """
        if self._limited:
            return
        self._stopped = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._ready or self._inputs is None or self._inputs.is_file:
                    if not await self._count_next():
                        break
        self.taken += self._inputs.unread if self._inputs is not None else 0

    async def _count_next(self) -> bool:
        try:
            entry = await self._next()
        except InputError:
            return True  # the lines that are left are counted, though not read as entries
        if entry is not None:
            self._is_new(entry)
            if not self._ready:
                await asyncio.sleep(0)  # signals are heard between the pieces
        return entry is not None

    def close(self) -> None:
        """Close the input."""
        if self._inputs is not None:
            self._inputs.close()

    def _is_new(self, entry: Entry) -> bool:
        self.taken += 1
        email = entry.email
        met = self.seen.meet(entry.text if email is None else email, refused=email is None)
        if met is _FIRST:
            return True
        if met is _AGAIN:
            self.duplicates += 1
            self.unfilled += not entry.text
        elif self.on_earlier is not None:
            self.on_earlier(met)
        return False

    async def _refuse(self, entry: Entry) -> None:
        if self.on_refused is not None:
            await self.on_refused(invalid_lookup(entry, self.taken - 1), self.given)

    async def _next(self) -> Entry | None:
        while not self._stopped:
            if self._ready:
                return self._ready.popleft()
            self._raise_failure()
            if self.exhausted or (self._inputs is not None and self._inputs.is_over):
                return None
            await self._fill()
            if not self._ready:
                await asyncio.sleep(0)  # a line without end must not keep signals from being heard
        return None

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is None:
            return
        if self.given and not isinstance(failure, InputCutError):
            hint = f"{failure.hint} Then run again."
            raise InputCutError(failure.message, hint=hint) from failure
        raise failure

    async def _fill(self) -> None:
        if self._inputs is None:
            self.exhausted = True
            return
        try:
            self._ready.extend(await self._inputs.read())
        except InputError as error:  # raised only after the entries before it were given out
            self._failure = error
            self._inputs.abandon()
        self.exhausted = self._inputs.exhausted
