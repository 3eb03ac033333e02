"""The bounded hand-over: no more emails are taken than results are consumed, in either order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from attrs import define, field

from ltx_async.engine.run import Run
from ltx_async.errors import ConfigurationError
from ltx_async.models import Lookup, octets_of

# Octets of JSON; what is decoded of them takes up to ten times as much.
_MOST_HELD: Final = 16 << 20


@define(eq=False)
class HandOver:
    """What workers have finished and the consumer has not had yet.

    Attributes:
        run: the run it belongs to.
        window: how many emails may be taken ahead of the consumer, not counting lookups that
            are set aside. None is where those that wait came as 16 MiB of JSON or more.
        ordered: whether results are given in input order.
        done: what the consumer may have now.
    """

    run: Run
    window: int
    ordered: bool
    done: deque[Lookup] = field(init=False, factory=deque)
    _given: int = field(init=False, default=0)
    _held: int = field(init=False, default=0)  # octets that the accounts waiting came as
    _early: dict[int, Lookup] = field(init=False, factory=dict)
    _pending: dict[int, str] = field(init=False, factory=dict)
    _room: deque[asyncio.Future[None]] = field(init=False, factory=deque)
    _ready: asyncio.Future[None] | None = field(init=False, default=None)

    # For who takes emails

    @property
    def is_near(self) -> bool:
        """Whether so little waits for the consumer that another email may be taken.

        What is set aside needs others to be asked, however much waits.
        """
        run = self.run
        few = run.taken - self._given < self.window + run.asides
        return few and (self._held < _MOST_HELD or 0 < run.pending <= run.asides)

    async def room(self) -> None:
        """Wait until there may be room for another email."""
        room = asyncio.get_running_loop().create_future()
        self._room.append(room)
        await room

    def make_room(self) -> None:
        """Let one more email be taken."""
        while self._room:
            waiter = self._room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def make_room_for_all(self) -> None:
        """Wake everybody who waits for room, to see whether there is some, or the run is over."""
        for waiter in self._room:
            if not waiter.done():
                waiter.set_result(None)
        self._room.clear()

    def take(self, email: str) -> int:
        """Note an email that was taken, and return its position."""
        run = self.run
        index = run.taken
        run.taken = index + 1
        self._pending[index] = email
        return index

    def deliver(self, lookup: Lookup) -> None:
        """Hand a result over."""
        if lookup.account is not None:
            self._held += octets_of(lookup.account)
        if self.ordered:
            self._early[lookup.index] = lookup
            while (following := self._given + len(self.done)) in self._early:
                self.done.append(self._early.pop(following))
            if not self.done:
                return
        else:
            self.done.append(lookup)
        self._wake()

    def finish(self) -> None:
        """Hand over what still waits for its turn: the workers are gone, no result will come."""
        self.done += (self._early.pop(index) for index in sorted(self._early))
        self._wake()

    def _wake(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    # For the consumer

    async def arrival(self) -> None:
        """Wait until there may be something to give.

        Raises:
            ConfigurationError: somebody else waits already.
        """
        if self._ready is not None and not self._ready.done():
            raise ConfigurationError(
                "somebody else is iterating over this BulkLookup",
                hint="Let one task iterate, and hand what it gets to the others by a queue.",
            )
        self._ready = asyncio.get_running_loop().create_future()
        await self._ready

    def give(self) -> Lookup:
        """Return the next of what is done, and let another email be taken."""
        self._given += 1
        if self._room:
            self.make_room()
        lookup = self.done.popleft()
        if lookup.account is not None:
            self._let_go(octets_of(lookup.account))
        del self._pending[lookup.index]
        return lookup

    def _let_go(self, octets: int) -> None:
        was_full = self._held >= _MOST_HELD
        self._held -= octets
        if was_full and self._held < _MOST_HELD:  # who was woken while it was full waits again
            self.make_room_for_all()

    @property
    def pending(self) -> Sequence[str]:
        """The emails, in input order, that were taken and have no result given out yet."""
        return tuple(email for _, email in sorted(self._pending.items()))
