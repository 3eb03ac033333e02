r"""Input readers, sans I/O: bytes in, entries out.

All of them trim, skip blank lines, a byte order mark and lines that begin with `#`, end lines
at LF, CRLF or CR, and keep what is not UTF-8 as an entry that says so, with `\xNN` escapes.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final, Protocol

from attrs import define, field, frozen

from ltx_async.cli.endings import CommandError
from ltx_async.cli.lines import LONGEST_LINE, LineSplitter
from ltx_async.cli.records import COLUMNS, restored
from ltx_async.cli.terminal import clipped

_NOT_UTF8: Final = "the line is not valid UTF-8"
_COLUMNS_SHOWN: Final = 20
_LONGEST_NAMES: Final = 200
_NO_TEXT: Final = "the line is not a JSON object with the text field {!r} (see --column)"


@frozen
class Entry:
    r"""One email of the input.

    Attributes:
        email: the text, trimmed; undecodable bytes as `\xNN`.
        problem: why it cannot be asked for, None where it can.
    """

    email: str
    problem: str | None = None


class Reader(Protocol):
    """Turns the bytes of an input into entries, piece by piece."""

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Return the entries that `data` completes."""
        ...  # pragma: no cover

    def finish(self) -> Iterator[Entry]:
        """Return the entries that the end of the input completes."""
        ...  # pragma: no cover


def _decoded(line: bytes) -> str:
    """Decode a line; bytes that are not UTF-8 become lone surrogates (PEP 383)."""
    return line.decode("utf-8", "surrogateescape")


def entry_of(text: str, *, broken: bool) -> Entry:
    """Make an entry; only where the line was `broken` are lone surrogates undecoded bytes."""
    email = text.strip()
    if not broken:
        return Entry(email)
    try:
        escaped = email.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # other lone surrogates, from JSON; refused by the library
        return Entry(email)
    return Entry(email) if escaped == email else Entry(escaped, _NOT_UTF8)


def _is_broken(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


@define
class TextReader:
    """One email per line."""

    _lines: LineSplitter = field(factory=LineSplitter)

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Return the entries that `data` completes."""
        return self._entries(self._lines.feed(data))

    def finish(self) -> Iterator[Entry]:
        """Return the last entry."""
        return self._entries(self._lines.finish())

    def _entries(self, lines: list[bytes]) -> Iterator[Entry]:
        for line in lines:
            try:
                text, broken = line.decode().strip(), False
            except UnicodeDecodeError:
                text, broken = _decoded(line).strip(), True
            if text and text[0] != "#":
                yield entry_of(text, broken=broken)


@define
class JSONLinesReader:
    """One JSON object per line with the email under a name, or just the email as a string.

    A line that is neither is an entry with a problem: one bad line never ends a run.
    """

    _column: str
    _lines: LineSplitter = field(factory=LineSplitter)

    def feed(self, data: bytes) -> Iterator[Entry]:
        """Return the entries that `data` completes."""
        return self._entries(self._lines.feed(data))

    def finish(self) -> Iterator[Entry]:
        """Return the last entry."""
        return self._entries(self._lines.finish())

    def _entries(self, lines: list[bytes]) -> Iterator[Entry]:
        for line in lines:
            text = _decoded(line).strip()
            if text and text[0] != "#":
                yield self._parsed(text, broken=_is_broken(line))

    def _parsed(self, text: str, *, broken: bool) -> Entry:
        value = _json(text)
        if isinstance(value, dict):
            value = value.get(self._column)
        if isinstance(value, str):
            return entry_of(value, broken=broken)
        return Entry(entry_of(text, broken=broken).email, _NO_TEXT.format(self._column))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _StarvedError(Exception):
    """The lines at hand end within a row."""


@define
class TableReader:
    """CSV or TSV with a header line; a quoted cell may go over several lines.

    Raises (from `feed` and `finish`):
        CommandError: there is no such column, or a row cannot be parsed.
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
            raise CommandError(f"row {self._row + 1} of the input: {error}.") from None
        self._row += 1
        return None if cells is None else (cells, taken)

    def _checked_length(self, taken: list[bytes]) -> int:
        """Return the bytes of a row so far, or refuse one that seems to have no end."""
        size = sum(map(len, taken))
        if size > LONGEST_LINE:
            raise CommandError(
                f"row {self._row + 1} of the input is over {LONGEST_LINE >> 20} MiB long.",
                "Look for a quotation mark that is not closed.",
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
                self._ours = names == list(COLUMNS)
                return
        if any("@" in name for name in names):
            raise CommandError(
                "the input has no header line: its first line holds an email.",
                f"Put a line with {self._column!r} first, or name the file .txt.",
            )
        if len(names) == 1 and (mark := next(filter(names[0].__contains__, ";\t|,"), None)):
            raise CommandError(
                f"the input has no column {self._column!r}; its cells seem apart by {mark!r}.",
                "Separate them by commas in .csv, by tabs in .tsv.",
            )
        shown = clipped(", ".join(map(repr, names[:_COLUMNS_SHOWN])), _LONGEST_NAMES)
        raise CommandError(
            f"the input has no column {self._column!r}; it has {shown}.",
            "Choose one with --column NAME.",
        )


TABLES: Final = {".csv": ",", ".tsv": "\t"}
JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})


def is_plain_text(name: str) -> bool:
    """Whether the suffix of an input's name means one email per line."""
    suffix = PurePath(name).suffix.lower()
    return suffix not in TABLES and suffix not in JSON_LINES


def reader_for(name: str, column: str) -> Reader:
    """Choose the reader by the suffix of the input's name; standard input (`-`) is text."""
    suffix = PurePath(name).suffix.lower()
    if suffix in TABLES:
        return TableReader(column, TABLES[suffix])
    return JSONLinesReader(column) if suffix in JSON_LINES else TextReader()
