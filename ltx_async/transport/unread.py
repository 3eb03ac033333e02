"""Bytes that wait on an idle connection: they would pass for the reply to the next request.

An event loop reads them only after whatever is ready to run, which may well write that request.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Callable
from functools import partial


def unread_on(transport: asyncio.BaseTransport | None) -> Callable[[], object]:
    """Return a function that asks the system whether bytes or the connection's end have come.

    Where the system cannot be asked (Windows has no `poll`, a mock no socket), it says no.
    """
    peer = None if transport is None else transport.get_extra_info("socket")
    if sys.platform != "win32" and peer is not None and hasattr(select, "poll"):
        poll = select.poll()
        poll.register(peer, select.POLLIN)
        return partial(poll.poll, 0)
    return _nothing


def _nothing() -> None:
    """Tell that nothing came."""
