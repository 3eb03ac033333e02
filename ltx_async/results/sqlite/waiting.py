"""Wait for a database that another program has locked: in a thread, and as long as is wanted."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from attrs import define, field

LONGEST_WAIT: Final = 30.0
"""Seconds of waiting after which another program's lock is treated as permanent."""

_PAUSE: Final = 0.05
_PRIMARY: Final = 0xFF  # the higher bits are details: https://www.sqlite.org/rescode.html
T = TypeVar("T")


def is_locked(error: sqlite3.Error) -> bool:
    """Whether a call failed because of another program's lock."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_BUSY


@define(eq=False)
class Patience:
    """How long to wait for a lock. SQLite's own wait cannot be ended before its time.

    Attributes:
        seconds: for each call.
    """

    seconds: float = field(factory=lambda: LONGEST_WAIT)
    _over: threading.Event = field(init=False, factory=threading.Event)

    def end(self) -> None:
        """End every wait after one more try; may be called from any thread."""
        self._over.set()

    def outlast(self, work: Callable[[], T]) -> T:
        """Call `work` again and again until no lock is in its way, and return its result.

        Raises:
            sqlite3.Error: what `work` raised the last time.
        """
        limit = time.monotonic() + self.seconds
        while True:
            try:
                return work()
            except sqlite3.OperationalError as error:
                late = self._over.is_set() or time.monotonic() >= limit
                if late or not is_locked(error):
                    raise
            self._over.wait(_PAUSE)


async def unlocked(database: sqlite3.Connection, work: Callable[[], T]) -> T:
    """Call `work` in a thread, with patience; it may take seconds by itself too.

    A cancellation interrupts it, and is raised when it has ended: the database is not to be
    closed under it.

    Raises:
        sqlite3.Error: what `work` raised.
    """
    patience = Patience()
    running = asyncio.ensure_future(asyncio.to_thread(patience.outlast, work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        patience.end()
        database.interrupt()
        await asyncio.gather(running, return_exceptions=True)
        raise
