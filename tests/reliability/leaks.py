"""What a log, a debugger, a crash report or a pickle may show of an exception."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from typing import Any


def reachable_from(error: BaseException) -> Iterator[BaseException]:
    """Every exception that can be got at from this one, itself included.

    Not only by `__cause__` and `__context__`, whatever is suppressed, but through attributes,
    arguments, containers and groups too.
    """
    seen: dict[int, BaseException] = {}
    waiting: list[Any] = [error]
    while waiting:
        value = waiting.pop()
        if isinstance(value, BaseException):
            if id(value) in seen:
                continue
            seen[id(value)] = value
            waiting += [value.__cause__, value.__context__, value.args, vars(value)]
            waiting += [getattr(value, "exceptions", ()), getattr(value, "__notes__", ())]
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            waiting += value
    yield from seen.values()


def everything_said_by(error: BaseException) -> str:
    """Each reachable exception as text, with its traceback, the locals of every frame, a pickle."""
    said = [pickle.dumps(error).decode("latin-1")]
    for each in reachable_from(error):
        said += [repr(each), str(each), repr(each.args), repr(vars(each))]
        report = traceback.TracebackException.from_exception(each, capture_locals=True)
        said += report.format()
        said += map(repr, _locals_of(each))
    return "\n".join(said)


def _locals_of(error: BaseException) -> Iterator[Any]:
    """The local variables of every frame; a report cuts long ones, and a leak with them."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield from frame.f_locals.values()


def foreign(error: BaseException) -> list[str]:
    """Name the reachable exceptions that are aiohttp's: their `repr` holds the request."""
    names = [type(each).__module__ for each in reachable_from(error)]
    return [name for name in names if name.partition(".")[0] in {"aiohttp", "httptools"}]
