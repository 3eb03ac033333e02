"""A database that is to be replaced: no one may be writing to it, and no part of it may stay."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from ltx_async.files.errors import opening_failure
from ltx_async.results.sqlite.waiting import Patience, is_locked, unlocked

_BUSY_FOR: Final = 0.1  # seconds that SQLite waits by itself; `Patience` does the rest
_COMPANIONS: Final = ("-wal", "-shm", "-journal")


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing database, for use by one thread at a time."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_FOR,
        isolation_level=None,
        check_same_thread=False,
    )


def companions(path: Path) -> list[Path]:
    """Return the names of the files that SQLite keeps beside a database."""
    return [path.with_name(path.name + suffix) for suffix in _COMPANIONS]


def remove_companions(path: Path) -> None:
    """Remove the files that belonged to an earlier database of this name.

    Raises:
        OutputRefusedError: it cannot be removed.
        OutputFailedError: the disk is full.
    """
    for companion in companions(path):
        try:
            companion.unlink(missing_ok=True)
        except OSError as error:
            raise opening_failure(error, str(companion)) from error


async def wait_for_writers(path: Path) -> None:
    """Wait until no other program is writing to a database, if it is one.

    Raises:
        sqlite3.OperationalError: that takes too long.
    """
    with _as_it_is(path) as database:
        await unlocked(database, partial(_write_nothing, database))


def give_way(path: Path, patience: Patience) -> bool:
    """Merge the log into a database, if there is one, and remove the files beside it.

    Otherwise SQLite would take the old log for that of the new database in the same place.

    Returns:
        Whether another program has it open.

    Raises:
        sqlite3.OperationalError: another program keeps it locked.
        OutputRefusedError: what belongs to it cannot be removed.
    """
    with _as_it_is(path) as database:
        patience.outlast(partial(_write_nothing, database))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    is_shared = any(companion.exists() for companion in companions(path))
    remove_companions(path)
    return is_shared


@contextlib.contextmanager
def _as_it_is(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to a file that may be damaged or no database at all, which is no failure here."""
    try:
        with contextlib.closing(connect(path)) as database:
            yield database
    except sqlite3.DatabaseError as error:
        if is_locked(error):
            raise


def _write_nothing(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.execute("ROLLBACK")
