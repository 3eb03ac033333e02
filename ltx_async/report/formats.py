"""The three forms in which `check` keeps results, each read row by row."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO, Final

from attrs import define

from ltx_async.report.rows import Row, UnusableRecordError, row_of_cells, row_of_record

_LONGEST_LINE: Final = 4 << 20  # an account of 1 MiB, escaped, fits
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


class Flaw(Enum):
    """What stands where a row should be."""

    UNUSABLE = auto()
    TORN = auto()


Item = Row | Flaw


def json_rows(file: BinaryIO) -> Iterator[Item]:
    """Read JSON lines; blank ones are skipped."""
    while line := file.readline(_LONGEST_LINE):
        if line.strip():
            yield _json_row(line)


def _json_row(line: bytes) -> Item:
    try:
        return row_of_record(json.loads(line))
    except (ValueError, RecursionError):  # UnusableRecordError is a ValueError
        return _flaw_of(line)


def _flaw_of(line: bytes) -> Flaw:
    return Flaw.UNUSABLE if line.endswith(b"\n") else Flaw.TORN


@define
class _Lines:
    """Decodes lines for the csv module, and remembers the last of them."""

    _file: BinaryIO
    last: bytes = b""

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(_LONGEST_LINE):
            self.last = line
            yield line.decode("utf-8", "replace")


def csv_rows(file: BinaryIO) -> Iterator[Item]:
    """Read CSV with a header; text that was neutralised for spreadsheets is restored."""
    csv.field_size_limit(_LONGEST_LINE)
    lines = _Lines(file)
    reader = csv.reader(iter(lines), strict=True)
    columns = [name.strip("\ufeff ") for name in next(reader)]
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # an open quote at the end, for one
            yield _flaw_of(lines.last)
        else:
            if cells:
                yield _csv_row(columns, cells, _flaw_of(lines.last))


def _csv_row(columns: list[str], cells: list[str], flaw: Flaw) -> Item:
    if len(cells) < len(columns):
        return flaw
    # The writer puts one ' before what a spreadsheet would run, and before a ' itself.
    texts = (cell.removeprefix("'") for cell in cells)
    try:
        return row_of_cells(dict(zip(columns, texts, strict=False)))
    except UnusableRecordError:
        return flaw


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
