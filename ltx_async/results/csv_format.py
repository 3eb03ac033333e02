"""Results as CSV and TSV (RFC 4180, but for the line end): written, continued, read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from attrs import evolve, frozen

from ltx_async.models import Lookup
from ltx_async.results.columns import COLUMNS, REQUIRED, Cell, UnusableRecordError, cells_of
from ltx_async.results.record import Record
from ltx_async.wording import inert

_BOM: Final = b"\xef\xbb\xbf"
# An East Asian Excel turns these full-width forms into the plain characters.
_RUN_BY_SPREADSHEETS: Final = ("=", "+", "-", "@", "\t", "\r", *"\uff1d\uff0b\uff0d\uff20")
_QUOTE: Final = "'"
_DELIMITERS: Final = (",", ";", "\t")  # Excel takes `;` where the comma belongs to numbers


def neutralised(text: str) -> str:
    """Return text that no spreadsheet runs as a formula.

    A `'` is put before text that begins with `=`, `+`, `-`, `@` or their wide forms, TAB or CR,
    and, so that `restored` can undo it, before text that begins with `'` itself.
    """
    return _QUOTE + text if text.startswith((*_RUN_BY_SPREADSHEETS, _QUOTE)) else text


def restored(text: str) -> str:
    """Undo `neutralised`; a `'` that it cannot have put there stays."""
    if text.startswith(_QUOTE) and text.startswith((*_RUN_BY_SPREADSHEETS, _QUOTE), 1):
        return text[1:]
    return text


@cache
def _usual_row(delimiter: str) -> re.Pattern[str]:
    """Return what a row matches of which every cell stands there as it is, as in nearly all."""
    cell = r"(?:[0-9A-Za-z][!#-+\--:<-~]*+)?"
    return re.compile(rf"{cell}(?:{delimiter}{cell})*+")


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf'"([^"]*(?:""[^"]*)*)"|([^"{delimiter}\r\n]*)')


def _cells(line: str, delimiter: str) -> list[str]:
    """Split a row; not by the csv module, whose limit on cells is global to the process."""
    if not line.endswith("\n"):
        raise UnusableRecordError
    end = len(line) - (2 if line.endswith("\r\n") else 1)
    pattern, cells, position = _cell_pattern(delimiter), [], 0
    while position <= end:
        found = pattern.match(line, position, end)
        assert found is not None  # an empty cell always matches
        cells.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        position = found.end() + 1
        if position <= end and line[position - 1] != delimiter:
            raise UnusableRecordError
    return cells


@frozen
class CSVFormat:
    """One record per row; a quoted cell may go over several lines.

    Attributes:
        columns: what the cells of a row are, in order; unknown ones stay empty.
        delimiter: what stands between cells.
        line_end: what stands behind a row.
        for_people: whether the cells are only looked at: control characters are then escapes,
            which nobody turns back.
    """

    columns: tuple[str, ...] = tuple(COLUMNS)
    delimiter: str = ","
    line_end: str = "\n"
    for_people: bool = False

    @property
    def header(self) -> bytes:
        """The names of the columns."""
        return self.line(self.columns)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that this file does not have."""
        return tuple(name for name in COLUMNS if name not in self.columns)

    @property
    def on_a_terminal(self) -> CSVFormat:
        """The format of rows that a terminal shows."""
        return evolve(self, for_people=True)

    def recognises(self, start: bytes) -> bool:
        """Whether a file begins with the header of a table of results."""
        try:
            self.headed(start.partition(b"\n")[0] + b"\n")
        except ValueError:
            return False
        return True

    def headed(self, header: bytes) -> CSVFormat:
        """Return the format of a file that begins with this line.

        Its own columns and their order, its delimiter and its line end are kept.

        Raises:
            ValueError: it is no header of results.
        """
        line = header.removeprefix(_BOM)
        for delimiter in dict.fromkeys((self.delimiter, *_DELIMITERS)):
            columns = tuple(name.strip() for name in _cells(line.decode(), delimiter))
            known = [name for name in columns if name in COLUMNS]
            if {*known} >= REQUIRED and len(known) == len({*known}):
                return CSVFormat(columns, delimiter, "\r\n" if line.endswith(b"\r\n") else "\n")
        raise UnusableRecordError

    def encode(self, lookup: Lookup) -> bytes:
        """Return the row of a lookup."""
        row = lookup.to_row()
        if self.columns != _ALL:
            row = {name: row.get(name) for name in self.columns}
        return self.line(cells_of(row))

    def line(self, cells: Iterable[Cell]) -> bytes:
        """Return one row; text is neutralised, numbers stay numbers."""
        cells = tuple(cells)
        row = self.delimiter.join(["" if cell is None else str(cell) for cell in cells])
        within = row.count(self.delimiter) >= len(cells)
        if within or not _usual_row(self.delimiter).fullmatch(row):
            row = self.delimiter.join(map(self._cell, cells))
        return (row + self.line_end).encode("utf-8", "backslashreplace")

    def _cell(self, value: Cell) -> str:
        if not isinstance(value, str):
            return "" if value is None else str(value)
        text = neutralised(inert(value) if self.for_people else value)
        if text == text.strip() and _MARKS.isdisjoint(text) and self.delimiter not in text:
            return text
        return '"' + text.replace('"', '""') + '"'

    def goes_on(self, line: bytes, *, within: bool = False) -> bool:
        """Whether the end of the row is missing: quotes come in pairs (RFC 4180)."""
        return not line.endswith(b"\n") or (line.count(b'"') + within) % 2 == 1

    def parse(self, data: bytes) -> Record:
        """Return a record.

        Raises:
            ValueError: it is none.
        """
        cells = map(restored, _cells(data.decode(), self.delimiter))
        return Record.of_cells(dict(zip(self.columns, cells, strict=True)))

    def parse_briefly(self, data: bytes) -> Record:
        """Return a record; there is no JSON of an account in a row."""
        return self.parse(data)

    def runs_in(self, lines: bytes) -> Iterable[tuple[bytes, Sequence[Record]]]:
        """Return them as they are: where a row ends is told by its cells."""
        return ((lines, ()),)

    def may_be_torn(self, data: bytes) -> bool:
        """Whether the end is missing; a torn row can begin with anything."""
        return self.goes_on(data)


_ALL: Final = tuple(COLUMNS)
# A cell with a semicolon is always quoted: Excel splits at it where commas belong to numbers.
_MARKS: Final = frozenset('"\r\n;\uff1b')
CSV: Final = CSVFormat()
TSV: Final = CSVFormat(delimiter="\t")
