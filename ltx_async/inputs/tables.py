"""Emails in a column of a table: comma-separated, tab-separated and their European kin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import define, field

from ltx_async.files.errors import InputError
from ltx_async.inputs.addresses import objection
from ltx_async.inputs.entries import Entry, EntryRule, refused_entry
from ltx_async.inputs.fields import (
    EMAIL,
    SAMPLE,
    ambiguous,
    holding_addresses,
    is_mail_name,
    not_found,
    position_of,
    refused_before,
)
from ltx_async.inputs.rows import Row, RowError, RowParser, RowReader
from ltx_async.results.columns import COLUMNS
from ltx_async.results.csv_format import restored

DELIMITERS: Final = (",", ";", "\t", "|")
_SEPARATOR_LINE: Final = "sep="
_WORDS: Final = re.compile(r"\s*(\"?)[^\W\d_]+(?:[ _-][^\W\d_]+)*\1\s*")
_OURS: Final = frozenset(COLUMNS) - {EMAIL}
"""Columns of results; one of them is enough to recognise results, as people edit tables."""


@define
class TableReader:
    """Reads a table that begins with the names of its columns; a quoted cell may have line ends."""

    _rule: EntryRule
    _rows: RowReader
    _column: str | None = None
    _tell: Callable[[str], None] = lambda _: None
    _names: list[str] | None = field(default=None, init=False)
    _position: int | None = field(default=None, init=False)
    _sample: list[Row] = field(factory=list, init=False)
    _ours: bool = field(default=False, init=False)
    _failed: bool = field(default=False, init=False)

    @property
    def unread(self) -> int:
        """How many lines were given up."""
        return self._rows.unread + (len(self._sample) if self._failed else 0)

    def feed(self, data: bytes, *, last: bool) -> Iterator[Entry]:
        """Return the entries that `data` completes.

        Raises:
            InputError: there is no such column, or a row cannot be parsed.
        """
        try:
            for row in self._rows.feed(data, last=last):
                yield from self._take(row)
            if last and self._names is not None and self._position is None and not self._failed:
                yield from self._choose_column(self._names)
        except InputError:
            self._failed = True
            self._rule.counts.lines -= len(self._sample)
            self._rows.give_up()
            raise

    def _take(self, row: Row) -> Iterable[Entry]:
        counts = self._rule.counts
        counts.lines += 1
        if self._position is not None:
            return self._entries(row, self._position)
        if not any(map(str.strip, row.cells)):
            counts.blank += 1
        elif self._names is None:
            counts.headers += 1
            if not is_separator_line(row.cells[0]):
                self._read_header([cell.strip() for cell in row.cells])
        else:
            self._sample.append(row)
            if len(self._sample) >= SAMPLE:
                return self._choose_column(self._names)
        return ()

    def _entries(self, row: Row, position: int) -> Iterable[Entry]:
        cell = row.cells[position] if position < len(row.cells) else ""
        if (not cell or cell.isspace()) and not any(map(str.strip, row.cells)):
            self._rule.counts.blank += 1
            return ()
        if self._ours:
            cell = restored(cell)
            if (
                reason := refused_before(dict(zip(self._names or (), row.cells, strict=False)).get)
            ) is not None:
                return (refused_entry(cell, reason, row.line),)
        return self._rule.of_cell(cell, row.line, broken=row.broken)

    # The column

    def _read_header(self, names: list[str]) -> None:
        wanted = EMAIL if self._column is None else self._column
        if (error := ambiguous(names, wanted)) is not None:
            raise error
        self._position = position_of(names, wanted)
        self._names = names
        self._ours = not _OURS.isdisjoint(names)
        if self._position is not None:
            self._tell_of_others(names, names[self._position])
            return
        if any(objection(name) is None for name in names):
            raise InputError(
                "the input has no header line: its first line holds an email.",
                hint=f"Put a line with {wanted!r} first, or read it as text: --input-format text.",
            )
        if self._column is not None:
            raise not_found("column", wanted, names, ())

    def _tell_of_others(self, names: Sequence[str], taken: str) -> None:
        others = [one for one in names if one.casefold() == taken.casefold() and one != taken]
        if others and self._column is None:
            self._tell(f"the emails are taken from the column {taken!r}, not {others[0]!r}")

    def _choose_column(self, names: list[str]) -> Iterator[Entry]:
        """Take the only column that holds addresses, where none has the expected name."""
        columns = {
            name: [row.cells[position] for row in self._sample if position < len(row.cells)]
            for position, name in enumerate(names)
        }
        holding = holding_addresses(columns)
        if len(holding) == 1 and (error := ambiguous(names, holding[0])) is not None:
            raise error
        if len(holding) != 1:
            raise not_found("column", EMAIL, names, holding)
        self._position = names.index(holding[0])
        self._tell(f"the emails are taken from the column {holding[0]!r}")
        sample, self._sample = self._sample, []
        for row in sample:
            yield from self._entries(row, self._position)


def is_separator_line(text: str) -> bool:
    """Whether a line names the separator, as spreadsheets write it before the header."""
    return text.strip().lower().startswith(_SEPARATOR_LINE)


def delimiter_of(header: str, wanted: str) -> str | None:
    """Return the separator that a header plainly has; None where it has only one cell.

    It is the one that gives the wanted name a cell of its own, or else the most cells.
    """
    if is_separator_line(header):
        mark = header.strip()[len(_SEPARATOR_LINE) :]
        return mark if len(mark) == 1 else "\t"
    found = {mark: cells for mark in DELIMITERS if (cells := _cells(header, mark))}
    for mark, cells in found.items():
        if position_of(cells, wanted) is not None:
            return mark
    return max(found, key=lambda mark: len(found[mark]), default=None)


def looks_like_a_header(line: str, wanted: str, *, to_the_letter: bool) -> bool:
    """Whether a line is plainly the header of a table, and no entry of a text.

    Args:
        line: the first one.
        wanted: the name of the column with the emails.
        to_the_letter: whether only that name tells; else any that speaks of mail.
    """
    if "@" in line:
        return False
    if is_separator_line(line) or line.strip().strip('"').casefold() == wanted.casefold():
        return True
    mark = delimiter_of(line, wanted)
    names = [] if mark is None else _cells(line, mark)
    if to_the_letter:
        return position_of(names, wanted) is not None
    if _WORDS.fullmatch(line):  # with nothing that separates it from others
        names.append(line)
    return any(is_mail_name(name, wanted) for name in names)


def is_quoted_header(header: str, delimiter: str) -> bool:
    """Whether quotation marks enclose cells in this table of tab-separated values.

    Databases export it without any, and a quotation mark is a character there; what
    spreadsheets and `check` write has them.
    """
    names = header.strip().split(delimiter)
    enclosed = all(len(name) > 1 and name[0] == name[-1] == '"' for name in names)
    return enclosed or not _OURS.isdisjoint(names)


def _cells(header: str, mark: str) -> list[str]:
    """Return the names in a header if this mark separates at least two, else nothing."""
    try:
        cells = RowParser(mark).feed(header) or []
    except RowError:
        return []
    return [cell.strip() for cell in cells] if len(cells) > 1 else []
