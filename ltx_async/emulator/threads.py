"""An asynchronous context for those who have no event loop: one in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any


@contextmanager
def in_a_thread(context: AbstractAsyncContextManager[Any], *, name: str) -> Iterator[None]:
    """Keep `context` open in a thread called `name`, until the block is left.

    Raises:
        BaseException: what entering or leaving `context` raised.
    """
    entered: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    left: Future[None] = Future()

    async def keep_open() -> None:
        async with context:
            leave = asyncio.Event()
            entered.set_result((asyncio.get_running_loop(), leave))
            await leave.wait()

    def run() -> None:
        try:
            asyncio.run(keep_open())
        except BaseException as error:  # noqa: BLE001 - raised where the block is
            (left if entered.done() else entered).set_exception(error)
        else:
            left.set_result(None)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    loop, leave = entered.result()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join()
        left.result()
