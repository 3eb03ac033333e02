r"""Input readers, sans I/O: bytes in, entries out.

All of them trim, skip blank lines, a byte order mark and lines that begin with `#`, end lines
at LF, CRLF or CR, and keep what is not UTF-8 as an entry that says so, with `\xNN` escapes.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, Final

from attrs import define, field

from ltx_async.files.errors import InputError
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.entries import Entry, Reader, _decoded, _is_broken, entry_of
from ltx_async.inputs.lines import LineSplitter
from ltx_async.inputs.source import ByteSource
from ltx_async.inputs.tables import TableReader

_NO_TEXT: Final = "the line is not a JSON object with the text field {!r} (see --column)"


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


def open_emails(name: str, column: str) -> DistinctEmails:
    """Open the file that the emails are in.

    Raises:
        InputError: it is no regular file, or it cannot be read.
    """
    # A pipe would be empty in the next round, and might block in this one.
    if not _may_be_a_file(Path(name)):
        raise InputError(f"{name}: is no regular file.", hint="Each round reads it again.")
    return DistinctEmails(ByteSource.open(name), reader_for(name, column))


def _may_be_a_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # opening it will say what is wrong
        return True
