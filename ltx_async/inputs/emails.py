"""The emails of a run, read as late as possible: counted, told from duplicates, sorted out."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Self

from attrs import define, field

from ltx_async.codec.emails import refusal
from ltx_async.errors import InvalidEmailError
from ltx_async.inputs.entries import Entry, Reader, entry_of
from ltx_async.inputs.seen import Meeting, SeenEmails
from ltx_async.inputs.source import ByteSource
from ltx_async.models import Lookup, Outcome


def _given(email: str) -> Entry:
    """Make an entry of an argument; bytes that were not UTF-8 are lone surrogates (PEP 383)."""
    return entry_of(email, broken=True)


def invalid_lookup(entry: Entry, index: int) -> Lookup:
    """Return the lookup of an entry that is never sent."""
    assert entry.problem is not None
    error = InvalidEmailError(entry.problem, email=entry.email)
    now = datetime.now(UTC)
    return Lookup(index, entry.email, Outcome.INVALID, None, error, None, 0, 0.0, now)


@define
class DistinctEmails:
    """The emails to ask for, each once, as an async iterator that reads the input as it goes.

    What cannot be asked for goes to `on_refused`, as a lookup and with the number of emails
    given out before it; a duplicate is only counted; what an earlier run has recorded of an
    email goes to `on_earlier`, and the email is not given out.

    Attributes:
        seen: the emails so far, and those of an earlier run.
        taken: entries so far, duplicates and refused ones included.
        given: emails given out so far.
        duplicates: how many of the entries had been taken before.
        exhausted: whether the end of the input was reached.
    """

    _source: ByteSource | None
    _reader: Reader | None
    on_refused: Callable[[Lookup, int], Awaitable[None]] | None = None
    on_earlier: Callable[[Any], None] | None = None
    seen: SeenEmails[Any] = field(factory=SeenEmails)
    taken: int = field(default=0, init=False)
    given: int = field(default=0, init=False)
    duplicates: int = field(default=0, init=False)
    exhausted: bool = field(default=False, init=False)
    _stopped: bool = field(default=False, init=False)
    _ready: deque[Entry] = field(factory=deque, init=False)

    @classmethod
    def of(cls, emails: Iterable[str]) -> DistinctEmails:
        """Take emails that are in memory already."""
        distinct = cls(None, None)
        distinct._ready.extend(map(_given, emails))
        return distinct

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while (entry := await self._next()) is not None:
            if not self._is_new(entry):
                if not self._ready:
                    await asyncio.sleep(0)  # signals are heard between the pieces
                continue
            if entry.problem is None:
                self.given += 1
                return entry.email
            if self.on_refused is not None:
                await self.on_refused(invalid_lookup(entry, self.taken - 1), self.given)
        raise StopAsyncIteration

    @property
    def is_read(self) -> bool:
        """Whether the whole input is in memory, if not yet taken."""
        return self._source is None or self.exhausted

    @property
    def expected(self) -> int | None:
        """Entries in all: exact once `is_read`, before that by the bytes read; None: unknown."""
        read = self.taken + len(self._ready)
        if self._source is None or self.exhausted:
            return read
        if not self._source.size or not self._source.offset:
            return None
        return max(read, round(read * self._source.size / self._source.offset))

    async def peek(self) -> None:
        """Read the beginning of a file, so that a bad header is known before there is an output.

        Raises:
            InputError: it has no such column, or is no text.
        """
        if self._source is not None and self._source.size is not None:
            await self._fill()

    def stop(self) -> None:
        """Give out no further email."""
        self._stopped = True
        if self._source is not None and self._source.size is None:
            self._source.stop()

    async def count_rest(self, seconds: float) -> None:
        """Count what was not given out, so that the pending emails are known.

        A pipe is not read on, because it may never end, nor a file for longer than
        `seconds`: then `exhausted` stays False.
        """
        if self._source is None or self._source.size is not None:
            self._stopped = False
        elif not self.exhausted:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (entry := await self._next()) is not None:
                    self._is_new(entry)
                    if not self._ready:
                        await asyncio.sleep(0)  # signals are heard between the pieces

    def close(self) -> None:
        """Close the input."""
        if self._source is not None:
            self._source.close()

    def _is_new(self, entry: Entry) -> bool:
        self.taken += 1
        never_asked = entry.problem is not None or refusal(entry.email) is not None
        met = self.seen.meet(entry.email, refused=never_asked)
        if met is Meeting.AGAIN:
            self.duplicates += 1
        elif not isinstance(met, Meeting) and self.on_earlier is not None:
            self.on_earlier(met)
        return met is Meeting.FIRST

    async def _next(self) -> Entry | None:
        while not self._stopped:
            if self._ready:
                return self._ready.popleft()
            if self.exhausted:
                return None
            await self._fill()
            if not self._ready:
                await asyncio.sleep(0)  # a line without end must not keep signals from being heard
        return None

    async def _fill(self) -> None:
        if self._source is None or self._reader is None:
            self.exhausted = True
            return
        data = await self._source.read()
        if data:
            self._ready.extend(self._reader.feed(data))
        elif not self._stopped:
            self.exhausted = True
            self._ready.extend(self._reader.finish())
