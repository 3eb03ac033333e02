"""Read the text output of a run that was interrupted, sans I/O: whole records and a torn end.

A record leaves in one write, so only the last one can be torn: by a full disk, a power cut, a
kill in the middle of it. It is cut off and asked for again. A flaw anywhere else is none that
an interruption leaves, and nothing is guessed about it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, field, frozen

from ltx_async.models import Lookup
from ltx_async.results.record import Finished

LONGEST_RECORD: Final = 64 << 20
"""Bytes; an account of 1 MiB with all of it escaped stays far below."""


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


@frozen
class RecordFormat:
    """How lookups become bytes.

    Attributes:
        header: what a file begins with.
        encode: one lookup as bytes, its line end included.
        layout: how to find the lookups again.
    """

    header: bytes
    encode: Callable[[Lookup], bytes]
    layout: Layout
