"""Open a SQLite output: a new one, or one of an earlier run, whose records are taken in."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from ltx_async.codec.identity import entry_key
from ltx_async.files.errors import (
    FileError,
    OutputFailedError,
    OutputRefusedError,
    opening_failure,
)
from ltx_async.files.lock import LockFile
from ltx_async.files.open_file import PRIVATE, sync_directory
from ltx_async.files.private import create_private, reopen_private
from ltx_async.files.replacement import Replacement
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.record import Record
from ltx_async.results.sqlite.failures import database_failure
from ltx_async.results.sqlite.older import (
    companions,
    connect,
    remove_companions,
    wait_for_writers,
)
from ltx_async.results.sqlite.table import OTHER, columns_to_continue
from ltx_async.results.sqlite.waiting import unlocked
from ltx_async.results.sqlite.writer import SQLiteWriter, prepare

_ROWS_AT_A_TIME: Final = 1_000


async def create_database(path: Path, *, overwrite: bool) -> SQLiteWriter:
    """Make a new database at `path`, private.

    Args:
        path: the output.
        overwrite: whether it may exist: then the new one takes its place with its first record.

    Raises:
        FileError: it exists, it cannot be made, or another process is writing to it.
    """
    held = LockFile.beside(path)
    try:
        _verify_companions(path)
        if overwrite:
            return await _replacing(path, held)
        create_private(path).close()
        remove_companions(path)
        return await _begun(path, held, {})
    except BaseException:
        held.release()
        raise


async def _replacing(path: Path, held: LockFile) -> SQLiteWriter:
    """Begin a database beside `path`, where no other program may be writing."""
    replacement = Replacement.at(path, locked=False)
    try:
        with _failures_of(path):
            await wait_for_writers(path)
            database = connect(replacement.draft)
            try:
                prepare(database, "MEMORY")  # needs no journal file: it is removed on failure
                return SQLiteWriter(path, database, held, replacement)
            except BaseException:
                database.close()
                raise
    except BaseException:
        replacement.discard()
        raise


async def resume_database(path: Path, earlier: EarlierRecords) -> SQLiteWriter:
    """Open a database for the rest of its records; one that is not there is created.

    Args:
        path: the output.
        earlier: is given every record that is not asked for again; the others stay until a new
            one takes their place.

    Raises:
        FileError: it is in use, damaged, cannot be read or written, or is something else.
    """
    held = LockFile.beside(path)
    try:
        _verify_no_links(path)
        try:
            with contextlib.closing(reopen_private(path, locked=False)) as file:
                if not file.size:  # an empty file was not made readable for others on purpose
                    file.set_mode(PRIVATE)
        except FileNotFoundError:
            create_private(path).close()
            remove_companions(path)
        stale = await _read(path, earlier)
        return await _begun(path, held, stale)
    except BaseException:
        held.release()
        raise


def _verify_no_links(path: Path) -> None:
    """Refuse symbolic links beside `path` that SQLite would follow."""
    for name in companions(path):
        mode = _mode(name)
        if mode is not None and not stat.S_ISREG(mode):
            raise OutputRefusedError(
                f"{name}: is a link or no regular file.", hint="Name the file itself."
            )


def _mode(name: Path) -> int | None:
    """Return what is at a name itself, as `stat` tells it; None for nothing."""
    try:
        return name.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputRefusedError(f"{name}: {error.strerror}.") from error


def _verify_companions(path: Path) -> None:
    """Refuse a name so long that SQLite could not make its files beside the database."""
    for name in companions(path):
        mode = _mode(name)
        if mode is not None and stat.S_ISDIR(mode):
            raise OutputRefusedError(f"{name}: is a directory.")


async def _begun(path: Path, held: LockFile, stale: dict[str, str]) -> SQLiteWriter:
    with _failures_of(path):
        database = connect(path)
        try:
            await unlocked(database, partial(prepare, database))
            sync_directory(path.parent)
            return SQLiteWriter(path, database, held, stale=stale)
        except BaseException:
            database.close()
            raise


@contextlib.contextmanager
def _failures_of(path: Path) -> Iterator[None]:
    """Turn a failure of SQLite into the error of an output that is being opened."""
    try:
        yield
    except sqlite3.Error as error:
        raise database_failure(error, str(path)) from error
    except OSError as error:
        hint = "Choose a file that you may write."
        raise opening_failure(error, str(path), hint=hint) from error


async def _read(path: Path, earlier: EarlierRecords) -> dict[str, str]:
    """Take the records in, if there are any.

    Returns the emails of those that are asked for again, by what all their spellings share.
    """
    try:
        with contextlib.closing(connect(path)) as database:
            columns = await unlocked(database, partial(columns_to_continue, path, database))
            if not columns:
                return {}
            await _check_integrity(path, database)
            return await _take_in(database, columns, earlier)
    except sqlite3.Error as error:
        raise _unreadable(error, path) from error
    except ValueError as error:
        raise OutputRefusedError(
            f"{path}: holds records of another version.", hint=OTHER
        ) from error


def _unreadable(error: sqlite3.Error, path: Path) -> FileError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return OutputRefusedError(f"{path}: is no SQLite database.", hint=OTHER)
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT:
        return _damaged(path, str(error))
    return database_failure(error, str(path))


def _damaged(path: Path, reason: str) -> OutputFailedError:
    return OutputFailedError(
        f"{path}: the database is damaged ({reason}).",
        hint="Save what can be read with: sqlite3 FILE .recover",
    )


async def _check_integrity(path: Path, database: sqlite3.Connection) -> None:
    def check() -> str:
        return str(database.execute("PRAGMA integrity_check(1)").fetchone()[0])

    verdict = await unlocked(database, check)  # seconds, where there are millions of records
    if verdict != "ok":
        raise _damaged(path, verdict)


def _records(database: sqlite3.Connection, columns: list[str]) -> Iterator[Record]:
    cursor = database.execute(f"SELECT {', '.join(columns)} FROM lookups")  # noqa: S608 - our names
    return (Record.of_cells(dict(zip(columns, cells, strict=True))) for cells in cursor)


async def _take_in(
    database: sqlite3.Connection, columns: list[str], earlier: EarlierRecords
) -> dict[str, str]:
    stale: dict[str, str] = {}
    # Once a read has begun, other programs' locks cannot stop it.
    for record in await unlocked(database, partial(_records, database, columns)):
        if earlier.renewal.concerns(record):
            stale[entry_key(record.email)] = record.email
            earlier.again += 1
        else:
            earlier.add(record)
        if not (earlier.count + earlier.again) % _ROWS_AT_A_TIME:
            await asyncio.sleep(0)
    return stale
