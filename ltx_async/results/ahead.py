"""Make large accounts quick to write, before they are written in the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from attrs import define, field

from ltx_async.models import LARGE, Account, Lookup, make_shown, octets_of

_TURN: Final = 64 << 10  # bytes of JSON that are written between two turns of the loop
_LEAST: Final = 256  # bytes that a lookup counts as, since it costs something in any case


def _bytes_of(lookup: Lookup) -> int:
    account = lookup.account
    return _LEAST if account is None else _LEAST + octets_of(account)


def batches(lookups: Sequence[Lookup]) -> Iterator[Sequence[Lookup]]:
    """Split lookups into what may be written in one go; one with a large account is alone."""
    sizes = [*map(_bytes_of, lookups)]
    if sum(sizes) <= _TURN and max(sizes) < LARGE:
        yield lookups
        return
    start = taken = 0
    for at, size in enumerate(sizes):
        taken += size
        if at > start and (taken > _TURN or size >= LARGE or sizes[at - 1] >= LARGE):
            yield lookups[start:at]
            start, taken = at, size
    yield lookups[start:]


@define(eq=False)
class Ahead:
    """Prepares lookups for a writer that encodes them in the loop.

    To mask the secrets of a large account takes up to half a second: that is done in a thread.
    Of small ones, no more than some are written before the loop has its turn.

    Attributes:
        busy: whether one is being encoded.
    """

    busy: bool = field(init=False, default=False)
    _taken: int = field(init=False, default=0)

    async def prepare(self, lookup: Lookup) -> None:
        """Make a lookup quick to write, which is to be done at once."""
        size = _bytes_of(lookup)
        self._taken += size
        if size >= LARGE and lookup.account is not None:
            await self._encode(lookup.account)
            self._taken = 0
        elif self._taken > _TURN:
            await asyncio.sleep(0)
            self._taken = 0

    async def _encode(self, account: Account) -> None:
        self.busy = True
        try:
            with suppress(RuntimeError):  # no thread is left: the writer encodes it itself
                await asyncio.to_thread(make_shown, account)
        finally:
            self.busy = False
