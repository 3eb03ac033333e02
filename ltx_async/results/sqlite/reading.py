"""Read the results in a SQLite database."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from ltx_async.results.columns import COLUMNS, UnusableRecordError
from ltx_async.results.record import Flaw, Record
from ltx_async.results.sqlite.table import is_table
from ltx_async.results.usual_record import Item

MAGIC: Final = b"SQLite format 3\0"
"""What every database begins with (https://www.sqlite.org/fileformat.html, 1.3)."""

_STEPS: Final = 1_000_000  # of SQLite, between looks for a signal: hundredths of a second


def sqlite_items(path: Path, *, accounts: bool = True) -> Iterator[Item]:
    """Read the table `lookups`, also while a check is writing to it.

    Raises:
        sqlite3.Error: the database is damaged, or has no such table.
        KeyboardInterrupt: a signal came while SQLite was at work.
    """
    with closing(_connected(path)) as database, _damage_told(), _signals_heard(database):
        if not is_table(database):
            raise sqlite3.OperationalError("no such table: lookups")
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        wanted = (*COLUMNS, "account") if accounts else COLUMNS
        present = {column[1] for column in database.execute("PRAGMA table_info(lookups)")}
        columns = [name for name in wanted if name in present]
        for cells in database.execute(f"SELECT {', '.join(columns) or 'email'} FROM lookups"):  # noqa: S608
            yield _item(dict(zip(columns, cells, strict=True)))


@contextmanager
def _damage_told() -> Iterator[None]:
    """Tell of damage as SQLite does, where its own message quotes bytes that are no text."""
    try:
        yield
    except UnicodeDecodeError:
        raise sqlite3.DatabaseError("database disk image is malformed") from None


@contextmanager
def _signals_heard(database: sqlite3.Connection) -> Iterator[None]:
    """Have Python handle signals while SQLite is at work, however long that may be.

    What a handler raises, SQLite replaces by an error of its own.
    """
    database.set_progress_handler(lambda: None, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None
        raise


def _connected(path: Path) -> sqlite3.Connection:
    """Connect to a database, read-only only where there is no other way.

    A read-only connection leaves `-wal` and `-shm` files behind
    (https://www.sqlite.org/wal.html, "Read-Only Databases"). Nothing is written in either case.

    Any thread may read on and close it, one at a time, as a generator is: `asyncio.to_thread` takes
    whichever is free, and what was left half read is closed by the thread that collects garbage.
    """
    uri = path.absolute().as_uri()
    mode = "rw" if os.access(path, os.W_OK) else "ro"
    database = sqlite3.connect(f"{uri}?mode={mode}", uri=True, check_same_thread=False)
    database.execute("PRAGMA query_only = 1")
    return database


def _item(cells: dict[str, Any]) -> Item:
    try:
        return Record.of_cells(cells, _account(cells.pop("account", None)))
    except UnusableRecordError:
        return Flaw.UNUSABLE


def _account(text: str | None) -> Mapping[str, Any] | None:
    """Return the JSON object of an account; anything else counts as an empty cell."""
    try:
        account = None if text is None else json.loads(text)
    except (ValueError, RecursionError, TypeError):
        return None
    return account if isinstance(account, dict) else None
