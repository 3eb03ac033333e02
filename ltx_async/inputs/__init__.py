"""Emails out of files, pipes and streams: those to ask for, or every entry with its verdict."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ltx_async.inputs.entries import Entry
    from ltx_async.inputs.reading import read_emails, read_entries

__all__ = ["Entry", "read_emails", "read_entries"]

_HOMES = {"Entry": "entries", "read_emails": "reading", "read_entries": "reading"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562): one email needs no tables."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
