"""Notice when triggers, which users may add to a database, delete records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from ltx_async.files.errors import OutputFailedError

# Temporary: they exist for this connection alone. They note every deletion, whoever caused it.
_WATCH: Final = (
    "PRAGMA temp_store = MEMORY",
    "CREATE TEMP TABLE IF NOT EXISTS gone (email)",
    *(
        f"CREATE TEMP TRIGGER IF NOT EXISTS gone_by_{event.split()[0]} "  # noqa: S608 - our words
        f"AFTER {event} ON main.lookups BEGIN INSERT INTO gone VALUES (old.email); END"
        for event in ("DELETE", "UPDATE OF email")
    ),
)
_GONE: Final = """
    SELECT email FROM temp.gone
    WHERE NOT EXISTS (
        SELECT 1 FROM main.lookups AS kept WHERE kept.email = gone.email COLLATE BINARY
    )
"""
_TRIGGERS: Final = "SELECT 1 FROM main.sqlite_master WHERE type = 'trigger'"
_FIND: Final = "SELECT 1 FROM lookups WHERE email = ? COLLATE BINARY"


def watch_records(database: sqlite3.Connection) -> None:
    """Note, as long as this connection is open, which records are deleted through it.

    It may be called again, as happens when another program had the database locked.
    """
    for statement in _WATCH:
        database.execute(statement)


def absent(database: sqlite3.Connection, emails: Iterable[str]) -> set[str]:
    """Return those of the emails just written whose records are not there after all."""
    if database.execute(_TRIGGERS).fetchone() is None:
        return set()
    return {email for email in emails if database.execute(_FIND, (email,)).fetchone() is None}


def verify_others_stay(database: sqlite3.Connection, name: str, emails: Iterable[str]) -> None:
    """Refuse to commit a transaction in which records of other emails were deleted.

    Raises:
        OutputFailedError: some were.
    """
    gone = {email for (email,) in database.execute(_GONE)}
    if gone and not gone <= {*emails}:
        raise OutputFailedError(f"{name}: a trigger of the database deletes records.", hint=HINT)
    database.execute("DELETE FROM temp.gone")


HINT: Final = "Drop the triggers of the table `lookups`, then continue with --resume."
"""What to do about a trigger that deletes records."""
