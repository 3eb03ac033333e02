"""Whether the table `lookups` of a database keeps every record that is written to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from ltx_async.files.errors import OutputRefusedError
from ltx_async.results.columns import COLUMNS, REQUIRED
from ltx_async.results.sqlite.writer import DATABASE_COLUMNS

OTHER: Final = "Nothing was changed: choose another output, or --overwrite."
"""What to do about a database that cannot be continued."""

_COLUMNS: Final = (
    """SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo('lookups')"""
)
_ALWAYS_SET: Final = REQUIRED | {"attempts", "elapsed_ms"}
_UNIQUE: Final = """
    SELECT count(*) FROM pragma_index_list('lookups') WHERE "unique" AND origin <> 'pk'
"""
_COMPARED_AS: Final = """
    SELECT upper(coll) FROM pragma_index_list('lookups') AS one, pragma_index_xinfo(one.name)
    WHERE one.origin = 'pk' AND key
"""
_TYPE: Final = "SELECT type FROM pragma_table_list('lookups') WHERE schema = 'main'"
_TYPE_OF_OLD: Final = "SELECT type FROM sqlite_master WHERE name = 'lookups'"
_FIRST_TO_TELL: Final = (3, 37)  # the SQLite that has `pragma_table_list`


def is_table(database: sqlite3.Connection) -> bool:
    """Whether `lookups` is a table, and no view, whose query may never end."""
    asked = _TYPE if sqlite3.sqlite_version_info >= _FIRST_TO_TELL else _TYPE_OF_OLD
    return database.execute(asked).fetchall() == [("table",)]


def columns_to_continue(path: Path, database: sqlite3.Connection) -> list[str]:
    """Return the columns of the table that we know; none where the database is empty.

    Raises:
        OutputRefusedError: records cannot be added to it, or would get lost without a word.
    """
    table = database.execute(_COLUMNS).fetchall()
    known = {name: declared for name, declared, _, _, _, hidden in table if not hidden}
    ours = {name for name, *_ in table if name in DATABASE_COLUMNS}
    needed = {
        name
        for name, _, not_null, default, *_ in table
        if not_null and (default is None or name in ours)  # every column of ours is given a value
    }
    keys = [name for name, _, _, _, key, _ in table if key]
    if known.keys() >= REQUIRED | ours and keys == ["email"] and needed <= _ALWAYS_SET:
        _verify_keeps_all(path, database, known["email"])
        return [name for name in COLUMNS if name in known]
    if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise OutputRefusedError(f"{path}: holds no table `lookups` of a check.", hint=OTHER)
    return []


def _verify_keeps_all(path: Path, database: sqlite3.Connection, declared: str) -> None:
    """Refuse a table in which one record may take the place of another."""
    if database.execute(_UNIQUE).fetchone()[0]:
        raise OutputRefusedError(
            f"{path}: its table `lookups` has something that is unique besides its key,"
            " so records could get lost.",
            hint=OTHER,
        )
    if not _keeps_text(declared) or database.execute(_COMPARED_AS).fetchall() != [("BINARY",)]:
        raise OutputRefusedError(
            f"{path}: its table `lookups` takes some emails for one another,"
            " so records would get lost.",
            hint=OTHER,
        )


def _keeps_text(declared: str) -> bool:
    """Whether text stays as it is in a column (https://www.sqlite.org/datatype3.html, 3.1)."""
    kind = declared.upper()
    return not kind or (
        "INT" not in kind and any(word in kind for word in ("CHAR", "CLOB", "TEXT", "BLOB"))
    )
