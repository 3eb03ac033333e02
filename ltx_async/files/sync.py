"""Bring what was written to the disk: in a thread, and never later than a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from attrs import define, field

SYNC_WINDOW: Final = 1.0
"""Seconds for which a result may be in memory only: what a power cut can cost."""


@define(eq=False)
class Syncer:
    """Calls `work` in a thread of its own, `window` seconds after the first `touch` since.

    A disk may take long to confirm a write, and the event loop must not wait for it.

    Attributes:
        work: what brings everything written so far to the disk; never called twice at a time.
        window: seconds.
    """

    work: Callable[[], None]
    window: float = SYNC_WINDOW
    _thread: ThreadPoolExecutor = field(init=False, factory=lambda: ThreadPoolExecutor(1, "sync"))
    _timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _running: Future[None] | None = field(init=False, default=None)

    def touch(self) -> None:
        """Note that something is being written.

        Raises:
            Exception: what `work` raised the last time.
        """
        if self._timer is None:
            self._raise_failure()
            self._timer = asyncio.get_running_loop().call_later(self.window, self._start)

    async def catch_up(self) -> None:
        """Call `work` now and wait for it; what it raises, the next `touch` raises."""
        self._start()
        assert self._running is not None
        with contextlib.suppress(Exception):
            await asyncio.shield(asyncio.wrap_future(self._running))

    async def close(self, hurry: Callable[[], None] = lambda: None) -> None:
        """Wait for the thread, and for `work` to be called a last time.

        Args:
            hurry: called if the wait is cancelled, to make `work` end sooner. The wait goes on
                all the same, because a file must not be closed while `work` writes to it.

        Raises:
            Exception: what `work` raised, now or before.
            asyncio.CancelledError: the wait was cancelled, and nothing failed.
        """
        self._stop_timer()
        last = asyncio.wrap_future(self._thread.submit(self._finish))
        self._thread.shutdown(wait=False)
        cancelled = None
        while not last.done():
            try:
                await asyncio.wait((last,))
            except asyncio.CancelledError as error:
                cancelled = error
                hurry()
        last.result()
        if cancelled is not None:
            raise cancelled

    def _finish(self) -> None:
        self._raise_failure()
        self.work()

    def _start(self) -> None:
        self._stop_timer()
        if self._running is not None and not self._running.done():
            # The call that is under way may miss the latest record: another one follows it.
            self._timer = asyncio.get_running_loop().call_later(self.window, self._start)
        elif self._running is None or self._running.exception() is None:
            self._running = self._thread.submit(self.work)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _raise_failure(self) -> None:
        if self._running is not None and self._running.done():
            self._running.result()
