"""Read the results in a SQLite database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from ltx_async.results.record import Flaw, Item, UnusableRecordError, row_of_cells

_COLUMNS_READ: Final = (
    "email",
    "outcome",
    "checked_at",
    "attempts",
    "elapsed_ms",
    "balance",
    "token_expires_at",
    "refresh_token_expires_at",
    "error",
)


def sqlite_rows(path: Path) -> Iterator[Item]:
    """Read the table `lookups`, also while a check is writing to it.

    Raises:
        sqlite3.Error: the database is damaged, or has no such table.
    """
    with closing(_connected(path)) as database:
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        present = {column[1] for column in database.execute("PRAGMA table_info(lookups)")}
        columns = [name for name in _COLUMNS_READ if name in present]
        for cells in database.execute(f"SELECT {', '.join(columns) or 'email'} FROM lookups"):  # noqa: S608
            yield _sqlite_row(dict(zip(columns, cells, strict=True)))


def _connected(path: Path) -> sqlite3.Connection:
    """Connect to a database, which nothing here writes to.

    Who may not write leaves `-wal` and `-shm` behind (https://www.sqlite.org/wal.html, "Read-Only
    Databases"), so that is only for where it has to be.
    """
    uri = path.absolute().as_uri()
    database = sqlite3.connect(f"{uri}?mode={'rw' if os.access(path, os.W_OK) else 'ro'}", uri=True)
    database.execute("PRAGMA query_only = 1")
    return database


def _sqlite_row(cells: dict[str, object]) -> Item:
    try:
        return row_of_cells(cells)
    except UnusableRecordError:
        return Flaw.UNUSABLE
