"""Rows of a table out of its lines, read strictly (RFC 4180).

The `csv` module accepts what is not a table: it takes a quotation mark within a cell for a
character, and one that is never closed swallows every row after it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Final

from attrs import define, field, frozen

from ltx_async.files.errors import InputError
from ltx_async.inputs.decoding import LONGEST_LINE, LineSplitter
from ltx_async.inputs.entries import decoded, is_broken

_CLOSE: Final = (
    "Look there for a quotation mark that is not closed, or is not doubled within a cell; "
    "what comes behind it was not read."
)
_QUOTED: Final = re.compile('(?:[^"]++|"")*+')


class RowError(ValueError):
    """Lines that are no rows of a table; says what is wrong with them."""


@define
class RowParser:
    """Takes one line after the other, and returns the rows that they complete.

    Attributes:
        delimiter: what stands between two cells.
        quoting: whether quotation marks may enclose a cell; else they are characters.
    """

    delimiter: str = ","
    quoting: bool = True
    _cells: list[str] = field(factory=list, init=False)
    _open: list[str] | None = field(default=None, init=False)

    @property
    def is_open(self) -> bool:
        """Whether the last line ended within quotation marks."""
        return self._open is not None

    def feed(self, line: str) -> list[str] | None:
        """Return the row that a line with its end completes; None where it goes on.

        Raises:
            RowError: a quotation mark stands where none may stand.
        """
        if self._open is None and (not self.quoting or '"' not in line):
            return line.rstrip("\r\n").split(self.delimiter)
        position: int | None = 0
        while position is not None:
            if self._open is None and line[position : position + 1] != '"':
                position = self._take_plain(line, position)
            else:
                if self._open is None:
                    self._open = []
                    position += 1
                if (end := self._take_quoted(line, position)) is None:
                    return None
                position = self._behind(line, end)
        cells, self._cells = self._cells, []
        return cells

    def _take_plain(self, line: str, start: int) -> int | None:
        end = line.find(self.delimiter, start)
        cell = line[start:].rstrip("\r\n") if end < 0 else line[start:end]
        if '"' in cell:
            raise RowError("a quotation mark stands within a cell that does not begin with one")
        self._cells.append(cell)
        return None if end < 0 else end + 1

    def _take_quoted(self, line: str, start: int) -> int | None:
        """Take what is within quotation marks; return where they close, None for not here."""
        assert self._open is not None
        found = _QUOTED.match(line, start)
        assert found is not None
        self._open.append(found[0])
        if found.end() == len(line):
            return None
        self._cells.append("".join(self._open).replace('""', '"'))
        self._open = None
        return found.end() + 1

    def _behind(self, line: str, position: int) -> int | None:
        """Return where the next cell begins; None at the end of the line."""
        if line.startswith(self.delimiter, position):
            return position + 1
        if line[position:].strip("\r\n"):
            raise RowError("text follows behind a closing quotation mark")
        return None


@frozen
class Row:
    """One row of a table.

    Attributes:
        cells: decoded; bytes that are not UTF-8 are lone surrogates (PEP 383).
        line: the line on which it begins, from 1.
        broken: whether it has such bytes.
    """

    cells: list[str]
    line: int
    broken: bool


@define
class RowReader:
    """Turns bytes into rows, in memory bounded by LONGEST_LINE.

    Attributes:
        unread: how many lines were given up, not counting blank ones.
    """

    _parser: RowParser
    _splitter: LineSplitter = field(factory=LineSplitter, init=False)
    _lines: deque[bytes] = field(factory=deque, init=False)
    _row: list[bytes] = field(factory=list, init=False)
    _size: int = field(default=0, init=False)
    _line: int = field(default=1, init=False)
    _given_up: bool = field(default=False, init=False)
    unread: int = field(default=0, init=False)

    def feed(self, data: bytes, *, last: bool) -> Iterator[Row]:
        """Return the rows that `data` completes; with `last`, all that are left.

        Raises:
            InputError: what follows is no row.
        """
        self._lines.extend(self._splitter.feed(data, last=last))
        if self._given_up:
            self.give_up()
        while self._lines:
            row = self._next()
            if row is not None:
                yield row
        if last and self._row:
            raise self._failure("the input ends within quotation marks")

    def give_up(self) -> None:
        """Make no more rows, neither of what was fed nor of what still comes."""
        self._given_up = True
        self.unread += sum(1 for line in (*self._row, *self._lines) if line.strip())
        self._row.clear()
        self._lines.clear()

    def _next(self) -> Row | None:
        line = self._lines.popleft()
        self._row.append(line)
        self._size += len(line)
        try:
            cells = self._parser.feed(decoded(line))
        except RowError as error:
            problem = str(error)
        else:
            if self._size > LONGEST_LINE:
                problem = f"it is over {LONGEST_LINE >> 20} MiB long"
            else:
                return None if cells is None else self._complete(cells)
        raise self._failure(problem)

    def _complete(self, cells: list[str]) -> Row:
        row = Row(cells, self._line, any(map(is_broken, self._row)))
        self._line += len(self._row)
        self._row.clear()
        self._size = 0
        return row

    def _failure(self, problem: str) -> InputError:
        return InputError(f"the row in line {self._line} of the input: {problem}.", hint=_CLOSE)
