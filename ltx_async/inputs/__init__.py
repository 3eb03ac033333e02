"""Emails out of files, pipes and streams: those to ask for, or every entry with its verdict."""

from typing import TYPE_CHECKING, Any

from ltx_async.late import late

if TYPE_CHECKING:
    from ltx_async.inputs.entries import Entry
    from ltx_async.inputs.reading import read_emails, read_entries

__all__ = ["Entry", "read_emails", "read_entries"]

_HOMES = {"Entry": "entries", "read_emails": "reading", "read_entries": "reading"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: one email needs no tables."""
    return late(__name__, _HOMES, name)


def __dir__() -> list[str]:
    return __all__
