"""Close the client of a fixture in the event loop of the test that used it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from attrs import define, field

from ltx_async.client import LTXClient
from ltx_async.events import Event


@define(eq=False)
class Closing:
    """Closes a client in the event loop in which it was used, whichever that is.

    A loop of pytest-asyncio may end before the fixture does. Before a loop is closed, it ends
    its asynchronous generators; so one of these closes the client.
    """

    client: LTXClient | None = field(init=False, default=None)
    loop: asyncio.AbstractEventLoop | None = field(init=False, default=None)
    _waiting: AsyncGenerator[None, None] = field(init=False)

    def __call__(self, _event: Event) -> None:
        """Note the loop of the first attempt; nothing is open before that."""
        if self.loop is None:
            self.loop, self._waiting = asyncio.get_running_loop(), self._wait()
            with contextlib.suppress(StopIteration):  # it stands at its `yield`
                self._waiting.asend(None).send(None)

    async def _wait(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if self.client is not None:
                await self.client.aclose()

    def close(self) -> None:
        """Close the client if its loop did not."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.run_until_complete(self._waiting.aclose())
