"""A lookup as a record: the JSON object and the table row that users keep."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ltx_async.models import Lookup

Cell = str | float | None
"""What a table cell may hold: text, a number, nothing."""

COLUMNS: Final = (
    "email",
    "outcome",
    "status",
    "balance",
    "max_jobs",
    "updated_at",
    "token_expires_at",
    "refresh_token_expires_at",
    "error_type",
    "error",
    "attempts",
    "elapsed_ms",
    "checked_at",
)
"""The columns of every table of results, in order."""

FIELDS: Final = frozenset(
    ("email", "outcome", "status", "attempts", "elapsed_ms", "checked_at", "account", "error")
)
"""The names in every JSON object of results."""

_RUN_BY_SPREADSHEETS: Final = ("=", "+", "-", "@", "\t", "\r")
_QUOTE: Final = "'"


def record_of(lookup: Lookup) -> dict[str, Any]:
    """Return the JSON object of a lookup; secrets are left out or masked."""
    return {
        "email": lookup.email,
        "outcome": lookup.outcome.value,
        "status": lookup.status,
        "attempts": lookup.attempts,
        "elapsed_ms": _milliseconds(lookup.elapsed),
        "checked_at": timestamp(lookup.checked_at),
        "account": None if lookup.account is None else lookup.account.to_wire(),
        "error": _error_of(lookup),
    }


def _error_of(lookup: Lookup) -> dict[str, Any] | None:
    error = lookup.error
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "ray": getattr(error, "ray", None),
    }


def row_of(lookup: Lookup) -> tuple[Cell, ...]:
    """Return the cells of a lookup in the order of COLUMNS; text is not yet neutralised."""
    account = lookup.account
    known: tuple[Cell, ...] = (None,) * 5
    if account is not None:
        known = (
            account.token_balance,
            account.max_jobs,
            timestamp(account.updated_at),
            timestamp(account.token_expires_at),
            timestamp(account.refresh_token_expires_at),
        )
    return (
        lookup.email,
        lookup.outcome.value,
        lookup.status,
        *known,
        None if lookup.error is None else type(lookup.error).__name__,
        trouble_of(lookup),
        lookup.attempts,
        _milliseconds(lookup.elapsed),
        timestamp(lookup.checked_at),
    )


def trouble_of(lookup: Lookup) -> str | None:
    """Return what is wrong in a line: the error, or a broken account's own; None if nothing."""
    if lookup.error is not None:
        return lookup.error.message
    return None if lookup.account is None else lookup.account.error


def timestamp(moment: datetime | None) -> str | None:
    """Return an aware UTC moment as ISO 8601 with milliseconds and `Z`."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def plain_text(text: str) -> str:
    r"""Return text that every format can keep: lone surrogates and NUL become escapes.

    UTF-8 has no lone surrogates, and what SQLite and the tools around it make of text behind a
    NUL is undefined (https://www.sqlite.org/nulinstr.html).
    """
    if text.isprintable():
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")


def neutralised(text: str) -> str:
    """Return text that no spreadsheet runs as a formula.

    A `'` is put before text that begins with `=`, `+`, `-`, `@`, TAB or CR, and, so that
    `restored` can undo it, before text that begins with `'` itself.
    """
    return _QUOTE + text if text.startswith((*_RUN_BY_SPREADSHEETS, _QUOTE)) else text


def restored(text: str) -> str:
    """Undo `neutralised`."""
    return text.removeprefix(_QUOTE)
