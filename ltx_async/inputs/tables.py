"""Emails in a column of a table: CSV and TSV."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

from attrs import define, field

from ltx_async.files.errors import InputError
from ltx_async.inputs.entries import Entry, _decoded, _is_broken, entry_of
from ltx_async.inputs.lines import LONGEST_LINE, LineSplitter
from ltx_async.results.columns import REQUIRED
from ltx_async.results.csv_format import restored
from ltx_async.wording import clipped


class _StarvedError(Exception):
    """The lines at hand end within a row."""


_COLUMNS_SHOWN: Final = 20


_LONGEST_NAMES: Final = 200
_MEND: Final = "Mend that row, or take it out."


@define
class TableReader:
    """CSV or TSV with a header line; a quoted cell may go over several lines.

    Raises (from `feed` and `finish`):
        InputError: there is no such column, or a row cannot be parsed.
    """

    _column: str
    _delimiter: str = ","
    _splitter: LineSplitter = field(factory=LineSplitter)
    _lines: deque[bytes] = field(factory=deque, init=False)
    _position: int | None = field(default=None, init=False)
    _ours: bool = field(default=False, init=False)
    _row: int = field(default=0, init=False)
    _finished: bool = field(default=False, init=False)
    _starved: int = field(default=0, init=False)
    _grown: int = field(default=0, init=False)
    _broken: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        csv.field_size_limit(LONGEST_LINE)  # a cell that `check` wrote may be over the default

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Return the entries that `data` completes."""
        lines = self._splitter.feed(data)
        self._lines.extend(lines)
        self._grown += sum(map(len, lines))
        # A row without an end is parsed again once it has doubled, not with every piece.
        return self._entries() if self._grown >= self._starved else iter(())

    def finish(self) -> Iterator[Entry]:
        """Return the last entry."""
        self._lines.extend(self._splitter.finish())
        self._finished = True
        return self._entries()

    def _entries(self) -> Iterator[Entry]:
        while not self._broken and (taken := self._next_row()) is not None:
            cells, lines = taken
            if not any(cell.strip() for cell in cells):
                continue
            if self._position is None:
                self._read_header([cell.strip() for cell in cells])
                continue
            cell = cells[self._position] if self._position < len(cells) else ""
            text = restored(cell) if self._ours else cell
            yield entry_of(text, broken=any(map(_is_broken, lines)))

    def _next_row(self) -> tuple[list[str], list[bytes]] | None:
        while self._lines and self._lines[0].lstrip().startswith(b"#"):
            self._lines.popleft()
        taken: list[bytes] = []
        try:
            cells = next(csv.reader(self._feed(taken), delimiter=self._delimiter), None)
        except _StarvedError:
            self._lines.extendleft(reversed(taken))
            self._starved, self._grown = self._checked_length(taken), 0
            return None
        except csv.Error as error:
            self._broken = True  # what follows is not known to be rows
            self._checked_length(taken)
            raise InputError(f"row {self._row + 1} of the input: {error}.", hint=_MEND) from error
        self._row += 1
        return None if cells is None else (cells, taken)

    def _checked_length(self, taken: list[bytes]) -> int:
        """Return the bytes of a row so far, or refuse one that seems to have no end."""
        size = sum(map(len, taken))
        if size > LONGEST_LINE:
            raise InputError(
                f"row {self._row + 1} of the input is over {LONGEST_LINE >> 20} MiB long.",
                hint="Look for a quotation mark that is not closed.",
            )
        return size

    def _feed(self, taken: list[bytes]) -> Iterator[str]:
        while self._lines:
            taken.append(self._lines.popleft())
            yield _decoded(taken[-1])
        if not self._finished:
            raise _StarvedError

    def _read_header(self, names: list[str]) -> None:
        folded = [name.casefold() for name in names]
        for candidates, wanted in ((names, self._column), (folded, self._column.casefold())):
            if wanted in candidates:
                self._position = candidates.index(wanted)
                self._ours = {*names} >= REQUIRED
                return
        if any("@" in name for name in names):
            raise InputError(
                "the input has no header line: its first line holds an email.",
                hint=f"Put a line with {self._column!r} first, or name the file .txt.",
            )
        if len(names) == 1 and (mark := next(filter(names[0].__contains__, ";\t|,"), None)):
            raise InputError(
                f"the input has no column {self._column!r}; its cells seem apart by {mark!r}.",
                hint="Separate them by commas in .csv, by tabs in .tsv.",
            )
        shown = clipped(", ".join(map(repr, names[:_COLUMNS_SHOWN])), _LONGEST_NAMES)
        raise InputError(
            f"the input has no column {self._column!r}; it has {shown}.",
            hint="Choose one with --column NAME.",
        )
