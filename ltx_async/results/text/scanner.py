"""Read the text output of a run that was interrupted, sans I/O: whole records and a torn end.

A record is written in one call, so only the last one can be torn: by a full disk, a power cut, a
kill in the middle of it. It is cut off and asked for again. An interruption leaves no flaw
anywhere else, so the file is then refused and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BufferedIOBase, BytesIO
from itertools import chain
from typing import Final

from attrs import define, field

from ltx_async.codec.emails import LONGEST_RECORD
from ltx_async.results.record import Flaw
from ltx_async.results.text.format import TextFormat
from ltx_async.results.usual_record import Brief, Item

_BLANKS: Final = frozenset((b" ", b"\r", b"\n"))
_UNUSABLE: Final = Flaw.UNUSABLE  # a name, as there may be a million lines
_PIECE: Final = 64 << 10  # bytes: to read so much takes a millisecond or a few
_NOT_OURS: Final = "not what `check` writes here"


class UnusableOutputError(ValueError):
    """A file that cannot be continued; the message begins with the line where that shows."""


@define
class Scanner:
    """Takes the lines of a file in order, and tells the whole records from a torn end.

    Attributes:
        format: that of the file; its own header decides which columns there are.
        header: what the file begins with.
        whole: offset in bytes up to which everything is whole.
        lines: how many there were so far.
    """

    format: TextFormat
    header: bytes = field(init=False)
    whole: int = field(default=0, init=False)
    lines: int = field(default=0, init=False)
    _rest: bytearray = field(factory=bytearray, init=False)
    _rest_line: int = field(default=1, init=False)
    _holds_record: bool = field(default=False, init=False)
    _flawed: bool = field(default=False, init=False)
    _zeros: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.header = self.format.header

    @property
    def torn(self) -> int:
        """How many bytes follow the last whole record."""
        return len(self._rest) + self._zeros

    def records_in(self, piece: bytes) -> Iterator[Brief]:
        """Take a piece of the file, and yield the records that it completes.

        Raises:
            UnusableOutputError: as from `feed`.
        """
        by_line = bool(self._rest) or (bool(self.header) and not self.lines)
        for lines, records in _runs_in(piece, self.format, by_line=by_line):
            if records and not self._rest and not self._zeros:  # nearly always
                self.whole += len(lines)
                self.lines += len(records)
                yield from records
            else:
                yield from (record for record, _ in self.with_bytes_in(lines))

    def with_bytes_in(self, lines: bytes) -> Iterator[tuple[Brief, bytes]]:
        """Take lines one by one, and yield the records that they complete, also as bytes.

        Raises:
            UnusableOutputError: as from `feed`.
        """
        return filter(None, map(self.feed, split_lines(lines)))

    def feed(self, line: bytes) -> tuple[Brief, bytes] | None:
        """Take a line with its end; return the record that it completes, also as bytes.

        Raises:
            UnusableOutputError: what came before was no record, and this is more.
        """
        self.lines += 1
        if not self._rest and not self._zeros and (self.lines > 1 or not self.header):
            record = None if self.format.goes_on(line) else self._parsed(line)
            if record is not None:  # nearly always
                self.whole += len(line)
                return record, line
        if line.endswith(b"\0") and not (line := self._without_zeros(line)):
            return None
        if self.lines == 1 and self.header:
            self._take_header(line)
            return None
        if not self._rest and self.whole and _is_blank(line):
            self.whole += len(line)  # a blank line between records, as editors leave them
            return None
        if self._rest and (self._flawed or self._is_too_long(line)):
            raise self._unusable()
        within = bool(self._rest)
        if not within:
            self._rest_line, self._holds_record = self.lines, False
        self._holds_record = self._holds_record or (within and self._is_record(line))
        self._rest += line
        return None if self.format.goes_on(line, within=within) else self._complete()

    def finish(self) -> None:
        """Take the end of the file; what is torn then is to be cut off.

        Raises:
            UnusableOutputError: it was never a part of a record.
        """
        if self._rest and not self._may_be_torn(bytes(self._rest)):
            raise self._unusable()

    def _may_be_torn(self, rest: bytes) -> bool:
        # A line may be a record, or text of a cell; if the row never ends, nobody can tell.
        if self._holds_record:
            return False
        # After a power cut, some file systems give zeros for what did not reach the disk.
        if rest.startswith(b"\0"):
            return self.whole > 0 or not rest.strip(b"\0")
        rest = rest.rstrip(b"\0")
        if self._rest_line == 1 and self.header:
            return self.header.startswith(rest)
        return self.format.may_be_torn(rest)

    def _without_zeros(self, line: bytes) -> bytes:
        """Keep one byte for all the zeros at the end: a power cut may leave any number."""
        rest = line.rstrip(b"\0")
        if rest or not self._rest.endswith(b"\0"):
            rest += b"\0"
        self._zeros += len(line) - len(rest)
        return rest

    def _take_header(self, line: bytes) -> None:
        try:
            self.format = self.format.headed(line)
        except ValueError:
            self._rest, self._flawed = bytearray(line), True
        else:
            self.header, self.whole = line, len(line)

    def _complete(self) -> tuple[Brief, bytes] | None:
        data = bytes(self._rest)
        record = None if self._zeros else self._parsed(data)
        if record is None:
            self._flawed = True
            return None
        self._rest.clear()
        self.whole += len(data)
        return record, data

    def _is_record(self, line: bytes) -> bool:
        """Whether a line within a record is one itself: text of a cell, or one after a torn one."""
        return self._parsed(line) is not None

    def _parsed(self, data: bytes) -> Brief | None:
        try:
            return self.format.parse_briefly(data)
        except ValueError:
            return None

    def _is_too_long(self, line: bytes) -> bool:
        return len(self._rest) + len(line) > LONGEST_RECORD

    def _unusable(self) -> UnusableOutputError:
        if self._rest_line == 1:
            return UnusableOutputError(f"line 1: {_NOT_OURS}")
        return UnusableOutputError(f"line {self._rest_line}: torn, or no record of a check")


def _is_blank(line: bytes) -> bool:
    # A tab may begin a torn row.
    return line[:1] in _BLANKS and line.endswith(b"\n") and not line.strip(b" \r\n")


def read_piece(file: BufferedIOBase) -> bytes:
    """Read some lines; only the last may lack its end, at that of the file or if it is too long."""
    piece = file.read1(_PIECE)  # what is there: a pipe may have no more for now
    if piece and not piece.endswith(b"\n"):
        begun = len(piece) - _last_line(piece)
        piece += file.readline(LONGEST_RECORD - begun)
    return piece


def split_lines(piece: bytes) -> Iterator[bytes]:
    """Return the lines of a piece with their ends."""
    return iter(BytesIO(piece))


def _last_line(piece: bytes) -> int:
    """Return where the line begins that lacks its end."""
    return piece.rfind(b"\n") + 1


def pieces_of(file: BufferedIOBase) -> Iterator[bytes]:
    """Read a file in pieces; a line too long for a record is replaced by a short stand-in."""
    while piece := read_piece(file):
        begin = _last_line(piece)
        if len(piece) - begin == LONGEST_RECORD and (line := file.readline(LONGEST_RECORD)):
            while not line.endswith(b"\n") and (more := file.readline(LONGEST_RECORD)):
                line = more
            piece = piece[:begin] + b"\0" + line[-1:]  # no record begins with NUL
        yield piece


def _runs_in(
    piece: bytes, form: TextFormat, *, by_line: bool
) -> Iterable[tuple[bytes, Sequence[Brief]]]:
    return ((piece, ()),) if by_line else form.runs_in(piece)


def items_in(pieces: Iterator[bytes], form: TextFormat, *, accounts: bool = True) -> Iterator[Item]:
    """Return the records of a file that is only read; what is none becomes a flaw.

    Unlike `Scanner`, it goes on after a flaw, and takes a last record without its line end.

    Raises:
        ValueError: the first line is no header of results.
    """
    if form.header:
        form, pieces = _headed(form, pieces)
    parse = form.parse if accounts else form.parse_briefly
    record = bytearray()
    for piece in pieces:
        for lines, records in _runs_in(piece, form, by_line=accounts or bool(record)):
            if records:  # nearly always
                yield from records
            else:
                yield from _items_by_line(lines, record, form, parse)
    if record:
        yield _item(parse, bytes(record) + b"\n", Flaw.TORN)


def _items_by_line(
    lines: bytes, record: bytearray, form: TextFormat, parse: Callable[[bytes], Brief]
) -> Iterator[Item]:
    """Yield what the lines hold; `record` is what is unfinished before them, and behind."""
    for line in split_lines(lines):
        within = bool(record)
        if not within:
            if _is_blank(line):
                continue
            if not form.goes_on(line):
                yield _item(parse, line, _UNUSABLE)
                continue
        record += line
        if len(record) > LONGEST_RECORD or not form.goes_on(line, within=within):
            yield _item(parse, bytes(record), Flaw.UNUSABLE)
            record.clear()


def _headed(form: TextFormat, pieces: Iterator[bytes]) -> tuple[TextFormat, Iterator[bytes]]:
    first = next(pieces, b"")
    end = first.find(b"\n") + 1 or len(first)
    return form.headed(first[:end].removesuffix(b"\n") + b"\n"), chain((first[end:],), pieces)


def _item(parse: Callable[[bytes], Brief], record: bytes, flaw: Flaw) -> Item:
    try:
        return parse(record)
    except ValueError:
        return flaw
