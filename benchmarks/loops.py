"""The two event loops that clients and responder run on."""

import asyncio
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_on_asyncio(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on asyncio's own loop, whatever is installed."""
    return asyncio.run(work)


def run_on_uvloop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop; it is imported only here, because it may be missing."""
    import uvloop  # noqa: PLC0415

    return uvloop.run(work)


def run_on_fastest(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop where it is installed, else on asyncio's own loop."""
    return run_on_uvloop(work) if find_spec("uvloop") else run_on_asyncio(work)
