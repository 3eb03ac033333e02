"""Results as CSV: written, continued, read."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from attrs import define

from ltx_async.models import Outcome
from ltx_async.results.columns import COLUMNS, Cell, row_of
from ltx_async.results.record import (
    _LONGEST_LINE,
    Finished,
    Flaw,
    Item,
    UnusableRecordError,
    _flaw_of,
    row_of_cells,
    wire_of_cells,
)
from ltx_async.results.scanner import RecordFormat

_RUN_BY_SPREADSHEETS: Final = ("=", "+", "-", "@", "\t", "\r")


_QUOTE: Final = "'"


def neutralised(text: str) -> str:
    """Return text that no spreadsheet runs as a formula.

    A `'` is put before text that begins with `=`, `+`, `-`, `@`, TAB or CR, and, so that
    `restored` can undo it, before text that begins with `'` itself.
    """
    return _QUOTE + text if text.startswith((*_RUN_BY_SPREADSHEETS, _QUOTE)) else text


def restored(text: str) -> str:
    """Undo `neutralised`."""
    return text.removeprefix(_QUOTE)


_NEEDS_QUOTES: Final = frozenset(',"\r\n')


def csv_line(cells: tuple[Cell, ...]) -> bytes:
    """Return one row (RFC 4180, but for its LF); text is neutralised, numbers stay numbers."""
    return ",".join(map(_cell, cells)).encode("utf-8", "backslashreplace") + b"\n"


def _cell(value: Cell) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = neutralised(value)
    if text == text.strip() and _NEEDS_QUOTES.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


_CELL: Final = re.compile(r'"([^"]*(?:""[^"]*)*)"|([^",\r\n]*)')


_DIGITS: Final = re.compile(r"-?[0-9]+", re.ASCII)


def _cells(line: str) -> list[str]:
    """Cut a row as our writer wrote it; the csv module caps the length of a cell."""
    if not line.endswith("\n"):
        raise ValueError("a row without an end")
    cells, position = [], 0
    while position < len(line):
        found = _CELL.match(line, position)
        assert found is not None  # an empty cell always matches
        cells.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        position = found.end() + 1
        if line[position - 1 : position] not in {",", "\n"}:
            raise ValueError("a quote within a cell")
    return cells


def _number(text: str) -> float | None:
    if not text:
        return None
    return int(text) if _DIGITS.fullmatch(text) else float(text)


class CSVLayout:
    """One record per row, as `check` writes it; a quoted cell may go over several lines."""

    def goes_on(self, data: bytes) -> bool:
        """Whether the end of the row is missing: quotes come in pairs (RFC 4180)."""
        return not data.endswith(b"\n") or data.count(b'"') % 2 == 1

    def parse(self, data: bytes) -> Finished:
        """Return a record.

        Raises:
            ValueError: it is none, or one of another version.
        """
        row = dict(zip(COLUMNS, _cells(data.decode()), strict=True))
        account = wire_of_cells(
            _number(row["balance"]),
            row["token_expires_at"] or None,
            row["refresh_token_expires_at"] or None,
        )
        return Finished(restored(row["email"]), Outcome(row["outcome"]), account)

    def may_be_torn(self, data: bytes) -> bool:
        """Whether the end is missing; a torn row can begin with anything."""
        return self.goes_on(data)


CSV: Final = RecordFormat(csv_line(COLUMNS), lambda lookup: csv_line(row_of(lookup)), CSVLayout())


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
