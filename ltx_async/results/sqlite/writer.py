"""The SQLite output: a table that others can read while it grows, written in a thread."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

from ltx_async.codec.identity import entry_key
from ltx_async.files.errors import OutputFailedError, UnsavedError, removed, write_failure
from ltx_async.files.lock import LockFile
from ltx_async.files.replacement import Replacement
from ltx_async.files.sync import Syncer
from ltx_async.jsontext import encode
from ltx_async.models import Lookup, Outcome, take_shown
from ltx_async.results.columns import COLUMNS, Cell, cells_of, plain_text
from ltx_async.results.output import was_asked_for
from ltx_async.results.sqlite.failures import COMMITTED, database_failure
from ltx_async.results.sqlite.older import connect, give_way
from ltx_async.results.sqlite.triggers import HINT, absent, verify_others_stay, watch_records
from ltx_async.results.sqlite.waiting import Patience

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
# A refused text may look like an email that was asked for; it never replaces that record.
_UPSERT: Final = " ".join(
    (
        f"INSERT INTO lookups ({', '.join(DATABASE_COLUMNS)})",
        f"VALUES ({', '.join('?' * len(DATABASE_COLUMNS))})",
        "ON CONFLICT (email) DO UPDATE SET",
        ", ".join(f"{name} = excluded.{name}" for name in DATABASE_COLUMNS if name != "email"),
        "WHERE excluded.outcome <> 'invalid' OR outcome = 'invalid'",
    )
)
_DROP: Final = "DELETE FROM lookups WHERE email = ? COLLATE BINARY"  # as the key is compared
_SETTINGS: Final = (
    "PRAGMA synchronous = FULL",  # what is committed survives a power cut
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA cache_size = -16000",
)
_BATCH: Final = 5_000
_AS_BEFORE: Final = "What was there before is as it was: run again."
_LARGEST_INTEGER: Final = 2**63


def database_row(lookup: Lookup) -> tuple[Cell, ...]:
    """Return the cells of a lookup in the order of DATABASE_COLUMNS, as SQLite can keep them."""
    account = None
    if lookup.account is not None:
        account = (take_shown(lookup.account) or encode(lookup.account.to_wire())).decode()
    return (*map(_cell, cells_of(lookup.to_row())), account)


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return plain_text(value)
    if value is not None and abs(value) >= _LARGEST_INTEGER:
        return float(value)  # the JSON of the account keeps the exact number
    return value


def prepare(database: sqlite3.Connection, journal_mode: str = "WAL") -> None:
    """Set a database up for writing, and make the table, or what it lacks of it.

    Args:
        database: opened by `connect`.
        journal_mode: with `WAL`, others read while we write.
    """
    for setting in (f"PRAGMA journal_mode = {journal_mode}", *_SETTINGS):
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
    watch_records(database)


@define(eq=False)
class SQLiteWriter:
    """Writes records in transactions, one a second or whenever there are many.

    What a killed process had not committed is asked for again by the next `--resume`. A record
    that is asked for again stays until a new one takes its place.

    Raises (from `write`, `write_all` and `close`):
        OutputFailedError: the disk is full, or the database cannot be written.
        UnsavedError: the same, from `close`, where results were lost; or somebody has removed
            the database.
    """

    _path: Path
    _database: sqlite3.Connection
    _lock: LockFile
    _replacement: Replacement | None = None
    _stale: dict[str, str] = field(factory=dict, kw_only=True)
    _dropped: list[str] = field(init=False, factory=list)
    _is_wanted: bool = field(init=False, default=False)
    _pending: list[tuple[Cell, ...]] = field(init=False, factory=list)
    _syncer: Syncer = field(init=False)
    _patience: Patience = field(init=False, factory=Patience)
    _place: os.stat_result = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._syncer = Syncer(self._sync)
        self._place = self._found()

    @property
    def name(self) -> str:
        """The file as it was named."""
        return str(self._path)

    @property
    def in_place(self) -> bool:
        """Whether it is at its path, and not still to take the place of an older one."""
        return self._replacement is None

    async def write(self, lookup: Lookup) -> None:
        """Take one record; the first of an email that was asked for has an older file replaced."""
        await self.write_all((lookup,))

    async def write_all(self, lookups: Sequence[Lookup]) -> None:
        """Take records, all of them or none; wait where the disk does not keep up."""
        try:
            self._syncer.touch()
        except sqlite3.Error as error:
            raise database_failure(error, str(self._path)) from error
        self._pending.extend(map(database_row, lookups))
        if self._stale:
            self._drop_other_spellings(lookups)
        if not self.in_place and any(map(was_asked_for, lookups)):
            await self.put_in_place()
        elif len(self._pending) >= _BATCH:
            await self._syncer.catch_up()

    def _drop_other_spellings(self, lookups: Sequence[Lookup]) -> None:
        """Let older records go whose emails are spelled in another way than those of new ones."""
        for lookup in filter(was_asked_for, lookups):
            spelled = self._stale.pop(entry_key(lookup.email), lookup.email)
            if spelled != lookup.email:
                self._dropped.append(spelled)

    async def put_in_place(self) -> None:
        """Take the place of an older database, whether or not there is a new record."""
        self._is_wanted = True
        if not self.in_place:
            await self._syncer.catch_up()

    async def close(self) -> None:
        """Commit what is left; the database becomes one file again.

        A cancellation ends the wait for another program's lock.
        """
        try:
            await self._syncer.close(self._patience.end)
        except UnsavedError:
            raise
        except (sqlite3.Error, OutputFailedError) as error:
            cause = (
                database_failure(error, self.name) if isinstance(error, sqlite3.Error) else error
            )
            hint = cause.hint if self._replacement is None else _AS_BEFORE
            raise UnsavedError(cause.message, hint=hint, outcomes=self._lost()) from error
        finally:
            self._end()

    def _lost(self) -> Counter[Outcome] | None:
        """The results that were not kept: all of them, if the database is not in its place."""
        if self._replacement is not None:
            return None
        return Counter(Outcome(str(row[1])) for row in self._pending)

    def _end(self) -> None:
        try:
            self._database.close()
            if self._replacement is not None:
                self._replacement.discard()
        finally:
            self._lock.release()

    def _sync(self) -> None:
        self._commit()
        if self._replacement is not None:
            if self._is_wanted:
                self._take_place(self._replacement)
            return
        if not os.path.samestat(self._found(), self._place):
            raise removed(self.name)

    def _found(self) -> os.stat_result:
        """What is at the name of the database now."""
        try:
            return self._path.stat()
        except FileNotFoundError as error:
            raise removed(self.name) from error
        except OSError as error:
            raise write_failure(error, self.name, when_full=COMMITTED) from error

    def _commit(self) -> None:
        """Commit what is pending; in the thread, while the loop may append more."""
        rows, dropped = self._pending.copy(), self._dropped.copy()
        if not rows and not dropped:
            return

        emails = [str(row[0]) for row in rows]
        kept_out: set[str] = set()

        def transaction() -> None:
            kept_out.clear()
            with self._database as database:
                database.execute("BEGIN IMMEDIATE")
                database.executemany(_DROP, [(email,) for email in dropped])
                database.executemany(_UPSERT, rows)
                kept_out.update(absent(database, emails))
                verify_others_stay(database, self.name, [*emails, *dropped])

        self._patience.outlast(transaction)
        del self._dropped[: len(dropped)]
        self._pending[: len(rows)] = [row for row in rows if row[0] in kept_out]
        if kept_out:
            raise OutputFailedError(
                f"{self.name}: a trigger of the database does not let every record stay.",
                hint=HINT,
            )

    def _take_place(self, replacement: Replacement) -> None:
        """Replace the older database; no other descriptor may be open beside SQLite's own."""
        self._database.close()
        try:
            shared = give_way(self._path, self._patience)
            replacement.put_in_place().close()
        except OutputFailedError as error:
            if not replacement.is_in_place:
                raise UnsavedError(error.message, hint=error.hint) from error
            raise
        finally:
            if replacement.is_in_place:
                self._replacement = None
        self._place = self._found()
        self._database = connect(self._path)
        # A program that has the old database open would remove the new one's log when it closes.
        prepare(self._database, "DELETE" if shared else "WAL")
