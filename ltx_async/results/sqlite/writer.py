"""The SQLite output: a table that others can read while it grows, written in a thread."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Final

from attrs import define, field

from ltx_async.files.errors import OutputFailedError, UnsavedError, removed
from ltx_async.files.lock import LockFile
from ltx_async.files.sync import Syncer
from ltx_async.models import Lookup, Outcome
from ltx_async.results.columns import COLUMNS, Cell, cells_of, plain_text
from ltx_async.results.sqlite.waiting import Patience, is_locked

DATABASE_COLUMNS: Final = {
    **{name: kind.sql_type for name, kind in COLUMNS.items()},
    "account": "TEXT",
}
"""The columns of the table `lookups` and their types: those of every table, the account as JSON."""

SCHEMA_VERSION: Final = 1
"""The `user_version` of a database; 0 is that of the versions that did not set it."""

_CREATE: Final = "CREATE TABLE lookups ({})".format(
    ", ".join(f"{name} {sql_type}" for name, sql_type in DATABASE_COLUMNS.items())
)
# An email that was asked for is never replaced by one that only looks like it, and was refused.
_UPSERT: Final = " ".join(
    (
        f"INSERT INTO lookups ({', '.join(DATABASE_COLUMNS)})",
        f"VALUES ({', '.join('?' * len(DATABASE_COLUMNS))})",
        "ON CONFLICT (email) DO UPDATE SET",
        ", ".join(f"{name} = excluded.{name}" for name in DATABASE_COLUMNS if name != "email"),
        "WHERE excluded.outcome <> 'invalid' OR outcome = 'invalid'",
    )
)
_SETTINGS: Final = (
    "PRAGMA journal_mode = WAL",  # others read while we write
    "PRAGMA synchronous = FULL",  # what is committed survives a power cut
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA cache_size = -16000",
)
_BUSY_FOR: Final = 0.1  # seconds that SQLite waits by itself; `Patience` does the rest
_BATCH: Final = 5_000
_LARGEST_INTEGER: Final = 2**63

_encode_json: Final = json.JSONEncoder(ensure_ascii=True).encode


def database_row(lookup: Lookup) -> tuple[Cell, ...]:
    """Return the cells of a lookup in the order of DATABASE_COLUMNS, as SQLite can keep them."""
    account = None if lookup.account is None else _encode_json(lookup.account.to_wire())
    return (*map(_cell, cells_of(lookup.to_row())), account)


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return plain_text(value)
    if value is not None and abs(value) >= _LARGEST_INTEGER:
        return float(value)  # the exact number stands in the account
    return value


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing database, for use by one thread at a time."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_FOR,
        isolation_level=None,
        check_same_thread=False,
    )


def prepare(database: sqlite3.Connection) -> None:
    """Set a database up for writing, and make the table, or what it lacks of it."""
    for setting in _SETTINGS:
        database.execute(setting)
    present = {
        name for (name,) in database.execute("SELECT name FROM pragma_table_info('lookups')")
    }
    if not present:
        database.execute(_CREATE)
    for name, sql_type in DATABASE_COLUMNS.items():
        if present and name not in present:
            database.execute(f"ALTER TABLE lookups ADD COLUMN {name} {sql_type}")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    database.execute(f"PRAGMA user_version = {max(version, SCHEMA_VERSION)}")


def database_failure(error: sqlite3.Error, name: str) -> OutputFailedError:
    """Say what a failed call of SQLite means for the output `name`."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return OutputFailedError(
            f"{name}: disk full ({error})",
            hint="What was committed is safe; make room, then continue with --resume.",
        )
    if is_locked(error):
        return OutputFailedError(
            f"{name}: another program has locked the database.",
            hint="What was committed is safe; end that program, then continue with --resume.",
        )
    return OutputFailedError(f"{name}: {error}")


@define(eq=False)
class SQLiteWriter:
    """Writes records in transactions, one a second or whenever there are many.

    What a killed process had not committed is asked for again by the next `--resume`.

    Raises (from `write` and `close`):
        OutputFailedError: the disk is full, or the database cannot be written.
        UnsavedError: the same, from `close`, where results were lost; or somebody has removed
            the database.
    """

    _path: Path
    _database: sqlite3.Connection
    _lock: LockFile
    _pending: list[tuple[Cell, ...]] = field(init=False, factory=list)
    _syncer: Syncer = field(init=False)
    _patience: Patience = field(init=False, factory=Patience)
    _place: os.stat_result = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._syncer = Syncer(self._sync)
        self._place = self._path.stat()

    async def write(self, lookup: Lookup) -> None:
        """Take one record; wait where the disk does not keep up."""
        try:
            self._syncer.touch()
        except sqlite3.Error as error:
            raise database_failure(error, str(self._path)) from error
        self._pending.append(database_row(lookup))
        if len(self._pending) >= _BATCH:
            await self._syncer.catch_up()

    async def close(self) -> None:
        """Commit what is left; the database becomes one file again.

        Whoever is cancelled meanwhile waits no longer for another program's lock.
        """
        try:
            await self._syncer.close(self._patience.end)
        except sqlite3.Error as error:
            cause = database_failure(error, str(self._path))
            lost = Counter(Outcome(str(row[1])) for row in self._pending)
            raise UnsavedError(cause.message, hint=cause.hint, outcomes=lost) from error
        finally:
            self._end()

    def _end(self) -> None:
        try:
            self._database.close()
        finally:
            self._lock.release()

    def _sync(self) -> None:
        self._commit()
        try:
            kept = os.path.samestat(self._path.stat(), self._place)
        except FileNotFoundError:
            kept = False
        if not kept:
            raise removed(str(self._path))

    def _commit(self) -> None:
        """Commit what is pending; in the thread, while the loop may append more."""
        rows = self._pending.copy()
        if not rows:
            return

        def transaction() -> None:
            with self._database as database:
                database.execute("BEGIN IMMEDIATE")
                database.executemany(_UPSERT, rows)

        self._patience.outlast(transaction)
        del self._pending[: len(rows)]
