"""Keep entries that are never asked for in their places among the results of the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, field

from ltx_async.models import Lookup

_MOST_HELD: Final = 1_000


@define(eq=False)
class InputOrder:
    """Puts invalid entries back between the answered ones, in the order of the input.

    The client delivers answers in order, but knows nothing of what it was never given. An
    invalid entry is held until every answer that belongs before it has been kept.

    Attributes:
        keep: takes each lookup in its turn.
    """

    keep: Callable[[Lookup], Awaitable[None]]
    _held: deque[tuple[int, Lookup]] = field(factory=deque, init=False)
    _answered: int = field(default=0, init=False)
    _room: asyncio.Event = field(factory=asyncio.Event, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)  # as `keep` may have to wait

    async def add_invalid(self, lookup: Lookup, before: int) -> None:
        """Take an invalid entry that `before` emails to be asked for precede.

        It waits while too many are held already, so that a file of nothing but invalid
        entries takes no more memory than any other.
        """
        self._held.append((before, lookup))
        async with self._turn:
            await self._keep_held()
        while len(self._held) > _MOST_HELD:
            self._room.clear()
            await self._room.wait()

    async def add_answer(self, lookup: Lookup) -> None:
        """Take the next answer, and then the invalid entries that follow it."""
        async with self._turn:
            await self.keep(lookup)
            self._answered += 1
            await self._keep_held()

    async def finish(self) -> None:
        """Keep the invalid entries that are left; answers before them will not come any more."""
        async with self._turn:
            while self._held:
                await self.keep(self._held.popleft()[1])
        self._room.set()

    async def _keep_held(self) -> None:
        while self._held and self._held[0][0] <= self._answered:
            await self.keep(self._held.popleft()[1])
        if len(self._held) <= _MOST_HELD:
            self._room.set()
