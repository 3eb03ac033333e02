"""Read the text output of a run that was interrupted, sans I/O: whole records and a torn end.

A record leaves in one write, so only the last one can be torn: by a full disk, a power cut, a
kill in the middle of it. It is cut off and asked for again. A flaw anywhere else is none that
an interruption leaves, and nothing is guessed about it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, Protocol

from attrs import define, field

from ltx_async.cli.earlier import Finished, wire_of_cells
from ltx_async.cli.records import COLUMNS, FIELDS, restored
from ltx_async.models import Outcome

LONGEST_RECORD: Final = 64 << 20
"""Bytes; an account of 1 MiB with all of it escaped stays far below."""

_FIRST_BYTES: Final = b'{"email":'
_CELL: Final = re.compile(r'"([^"]*(?:""[^"]*)*)"|([^",\r\n]*)')
_DIGITS: Final = re.compile(r"-?[0-9]+", re.ASCII)


class UnusableOutputError(Exception):
    """A file that cannot be continued; the message begins with the line where that shows."""


class Layout(Protocol):
    """How the records of a text format lie in a file."""

    def goes_on(self, data: bytes) -> bool:
        """Whether a record that begins with these whole or partial lines is unfinished."""
        ...  # pragma: no cover

    def parse(self, data: bytes) -> Finished:
        """Return a record.

        Raises:
            ValueError: it is none, or one of another version.
        """
        ...  # pragma: no cover

    def may_be_torn(self, data: bytes) -> bool:
        """Whether these bytes can be what is left of a record."""
        ...  # pragma: no cover


class JSONLayout:
    """One record per line, a JSON object with the documented fields and no other."""

    def goes_on(self, data: bytes) -> bool:
        """Whether the end of the line is missing."""
        return not data.endswith(b"\n")

    def parse(self, data: bytes) -> Finished:
        """Return a record.

        Raises:
            ValueError: it is none, or one of another version.
        """
        try:
            record = json.loads(data)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(record, dict) or record.keys() != FIELDS:
            raise ValueError("no record")
        email, account = record["email"], record["account"]
        if not isinstance(email, str):
            raise ValueError("no email")  # noqa: TRY004 - one error for all that is no record
        return Finished(
            email, Outcome(record["outcome"]), account if isinstance(account, dict) else None
        )

    def may_be_torn(self, data: bytes) -> bool:
        """Whether they begin as every record does, and are no JSON of another kind."""
        if not data.startswith(_FIRST_BYTES):
            return _FIRST_BYTES.startswith(data)
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            return True
        return isinstance(record, dict) and record.keys() == FIELDS


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


@define
class Scanner:
    """Takes the lines of a file in order, and tells the whole records from a torn end.

    Attributes:
        header: what the file begins with.
        whole: offset in bytes up to which everything is whole.
        lines: how many there were so far.
    """

    _layout: Layout
    header: bytes = b""
    whole: int = field(default=0, init=False)
    lines: int = field(default=0, init=False)
    _rest: bytes = field(default=b"", init=False)
    _rest_line: int = field(default=1, init=False)
    _flawed: bool = field(default=False, init=False)

    @property
    def torn(self) -> int:
        """How many bytes follow the last whole record."""
        return len(self._rest)

    def feed(self, line: bytes) -> tuple[Finished, bytes] | None:
        """Take a line with its end; return the record that it completes, also as bytes.

        Raises:
            UnusableOutputError: what came before was no record, and this is more.
        """
        self.lines += 1
        if self.lines == 1 and self.header:
            self._take_header(line)
            return None
        if self._rest and (self._flawed or self._is_record(line) or self._is_too_long(line)):
            raise self._unusable()
        if not self._rest:
            self._rest_line = self.lines
        self._rest += line
        return None if self._layout.goes_on(self._rest) else self._complete()

    def finish(self) -> None:
        """Take the end of the file; what is torn then is to be cut off.

        Raises:
            UnusableOutputError: it was never a part of a record.
        """
        if self._rest and not self._may_be_torn(self._rest):
            raise self._unusable()

    def _may_be_torn(self, rest: bytes) -> bool:
        # After a power cut, some file systems give zeros for what did not reach the disk.
        if rest.startswith(b"\0"):
            return self.whole > 0 or not rest.strip(b"\0")
        if self._rest_line == 1 and self.header:
            return self.header.startswith(rest)
        return self._layout.may_be_torn(rest)

    def _take_header(self, line: bytes) -> None:
        if line == self.header:
            self.whole = len(line)
        else:
            self._rest, self._flawed = line, True

    def _complete(self) -> tuple[Finished, bytes] | None:
        data = self._rest
        try:
            finished = self._layout.parse(data)
        except ValueError:
            self._flawed = True
            return None
        self._rest = b""
        self.whole += len(data)
        return finished, data

    def _is_record(self, line: bytes) -> bool:
        """Whether a line within a record is one: then that one is torn in the middle."""
        try:
            self._layout.parse(line)
        except ValueError:
            return False
        return True

    def _is_too_long(self, line: bytes) -> bool:
        return len(self._rest) + len(line) > LONGEST_RECORD

    def _unusable(self) -> UnusableOutputError:
        if self._rest_line == 1:
            return UnusableOutputError("line 1: not what `check` of this version writes here")
        return UnusableOutputError(f"line {self._rest_line}: torn, or no record of this version")


def finished_of_row(email: Any, outcome: Any, *cells: Any) -> Finished:
    """Return the record of a database row: email, outcome, balance and the two expiries.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(email, str):
        raise ValueError("no email")  # noqa: TRY004 - one error for all that is no record
    return Finished(email, Outcome(outcome), wire_of_cells(*cells))
