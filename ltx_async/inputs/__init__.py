"""Emails out of files, pipes and streams: those to ask for, or every entry with its verdict."""

from ltx_async.inputs.entries import Entry as Entry
from ltx_async.inputs.reading import read_emails as read_emails
from ltx_async.inputs.reading import read_entries as read_entries

__all__ = ["Entry", "read_emails", "read_entries"]


def __dir__() -> list[str]:
    return __all__
