"""Read the results of a check: JSON lines, CSV or SQLite, told apart by their content."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from ltx_async.files.errors import InputError
from ltx_async.results.csv_format import csv_rows
from ltx_async.results.jsonl_format import json_rows
from ltx_async.results.record import Flaw, Item, Row
from ltx_async.results.sqlite.reading import sqlite_rows

_SQLITE: Final = b"SQLite format 3\0"
_BOM: Final = b"\xef\xbb\xbf"
_WHAT_TO_NAME: Final = "Name a file written by `check -o`."


@frozen
class Results:
    """The rows of one results file, one for each email.

    Attributes:
        name: the file as it was named.
        rows: in the order of the file.
        remarks: what was wrong with the file, a sentence each.
    """

    name: str
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = ()

    @property
    def as_of(self) -> datetime | None:
        """When the last of the rows was found out; None without rows."""
        return max((row.checked_at for row in self.rows), default=None)


def read_results(path: Path) -> Results:
    """Read a results file; a torn end and records of another form become remarks.

    Raises:
        InputError: it cannot be read, or nothing in it is a result.
    """
    collection = _Collection()
    try:
        for item in _items(path):
            collection.add(item)
    except OSError as error:
        raise _unusable(f"{path}: {error.strerror or error}.") from error
    except (csv.Error, sqlite3.Error) as error:
        raise _unusable(f"{path}: {error}.") from error
    return collection.results(path)


def _unusable(message: str) -> InputError:
    return InputError(message, hint=_WHAT_TO_NAME)


def _items(path: Path) -> Iterator[Item]:
    with path.open("rb") as file:
        # Peeking leaves a pipe unread, where seeking back would fail.
        start = file.peek(4096)
        if start.startswith(_SQLITE):
            yield from sqlite_rows(path)
        elif _is_json(start):
            yield from json_rows(file)
        elif _is_table(start):
            yield from csv_rows(file)
        else:
            raise _unusable(f"{path}: is neither JSON lines, CSV nor SQLite from a check.")


def _is_json(start: bytes) -> bool:
    text = start.removeprefix(_BOM).lstrip()
    return text.startswith(b"{") or not text


def _is_table(start: bytes) -> bool:
    header = start.removeprefix(_BOM).split(b"\n", 1)[0].replace(b'"', b"").strip().split(b",")
    return {b"email", b"outcome"} <= set(header)


@define
class _Collection:
    """Keeps the last row of each email, and counts what is no row."""

    _rows: dict[str, Row] = field(factory=dict)
    _repeated: int = 0
    _unusable: int = 0
    _torn: bool = False

    def add(self, item: Item) -> None:
        """Take the next row or flaw; what is torn but not the last is plainly unusable."""
        self._unusable += self._torn
        self._torn = item is Flaw.TORN
        if isinstance(item, Row):
            self._repeated += item.email in self._rows
            self._rows[item.email] = item
        elif item is Flaw.UNUSABLE:
            self._unusable += 1

    def results(self, path: Path) -> Results:
        """Return what was collected.

        Raises:
            InputError: there was something, but not one row.
        """
        if not self._rows and (self._unusable or self._torn):
            raise _unusable(f"{path}: not one line of it is a result of a check.")
        return Results(str(path), tuple(self._rows.values()), tuple(self._remarks()))

    def _remarks(self) -> Iterator[str]:
        if self._torn:
            yield "The last record is torn, so the run was cut off; `check --resume` completes it."
        if self._unusable:
            yield f"Left out, as not understood: {_records(self._unusable)}."
        if self._repeated:
            yield f"Replaced by a later one of the same email: {_records(self._repeated)}."


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"
