"""Time as tests may judge it, on a machine that is busy with other things as well.

A test waits for what is to happen, not for a number of looks. What has to be done within a
time has that time where nothing else runs; where the machine has only a part of itself for the
test, it has as many times more.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
LONG: Final = 120.0
"""Seconds after which what has not happened is taken not to happen."""
_LOOK: Final = 0.005
_SAMPLE: Final = 0.05


def until(happened: Callable[[], T], *, seconds: float = LONG) -> T:
    """Look until something is true, and return it; fail after a long time."""
    end = time.monotonic() + seconds
    while not (seen := happened()):
        assert time.monotonic() < end, f"it has not happened within {seconds:.0f} s"
        time.sleep(_LOOK)
    return seen


async def reached(happened: Callable[[], T], *, seconds: float = LONG) -> T:
    """Do the same in an event loop."""
    end = time.monotonic() + seconds
    while not (seen := happened()):
        assert time.monotonic() < end, f"it has not happened within {seconds:.0f} s"
        await asyncio.sleep(_LOOK)
    return seen


def signal_when(happened: Callable[[], object], number: int) -> None:
    """Send this process a signal as soon as something is true, such as that it listens."""

    def wait() -> None:
        try:
            until(happened)
        except AssertionError:  # the test itself says what went wrong
            return
        os.kill(os.getpid(), number)

    threading.Thread(target=wait, daemon=True).start()


def in_time(took: float, seconds: float) -> bool:
    """Whether something took less than `seconds`, or than that on a machine of its own."""
    return took < seconds or took < seconds * slowness()


def unhurried(seconds: float) -> float:
    """Return a time limit that healthy work keeps: `seconds`, or that many times more.

    For limits that a test sets to the product, in which healthy replies are to come.
    """
    return seconds * slowness()


def slowness() -> float:
    """Return how many times longer than alone a piece of work takes at the moment."""
    began, used = time.perf_counter(), time.thread_time()
    while time.thread_time() < used + _SAMPLE:
        pass
    sampled = (time.perf_counter() - began) / _SAMPLE
    return max(1.0, sampled, os.getloadavg()[0] / (os.cpu_count() or 1))
