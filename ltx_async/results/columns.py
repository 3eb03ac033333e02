"""A lookup as a record: the JSON object and the table row that users keep."""

from __future__ import annotations

from typing import Any, Final

from ltx_async.models import Lookup, trouble_of
from ltx_async.wording import timestamp

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
