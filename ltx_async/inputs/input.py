"""One input, from its first bytes to its last entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, Protocol

from attrs import define, field, frozen

from ltx_async.files.errors import InputError
from ltx_async.inputs.decoding import Transcoder, Unpacker
from ltx_async.inputs.entries import Entry, EntryRule, LineCounts, Reader
from ltx_async.inputs.fields import EMAIL, FieldReader, records_of
from ltx_async.inputs.kinds import (
    LONGEST_BEGINNING,
    InputFormat,
    detected_format,
    verify_encoded,
    verify_kind,
)
from ltx_async.inputs.readers import JSONLinesReader, JSONReader, TextReader
from ltx_async.inputs.rows import RowParser, RowReader
from ltx_async.inputs.tables import TableReader, delimiter_of, is_quoted_header
from ltx_async.results.sqlite.reading import MAGIC as SQLITE_MAGIC

_BATCH: Final = 1_000


class Source(Protocol):
    """Where the bytes of an input come from."""

    name: str
    path: str | None
    size: int | None
    offset: int
    stopped: bool

    async def read(self) -> bytes:
        """Return the next piece, `b""` at the end or after `stop`."""
        ...  # pragma: no cover

    def stop(self) -> None:
        """Let a waiting `read` return: nothing more is wanted."""
        ...  # pragma: no cover

    def close(self) -> None:
        """Close it."""
        ...  # pragma: no cover


def _ignore(_note: str) -> None:
    """Tell nobody."""


@frozen
class HowToRead:
    """What the user said about an input; None for what is to be detected.

    Attributes:
        format: how the emails lie in it.
        column: the name of the column or field with the emails; None for `email`.
        delimiter: what stands between the cells of a table.
        encoding: of text that has no byte order mark.
        extract: whether to take the addresses out of texts that are more than one.
        mixed: whether it is said of several inputs at once, so that a part may not fit one.
        tell: called with a line about each assumption that was made.
    """

    format: InputFormat | None = None
    column: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    extract: bool = False
    mixed: bool = False
    tell: Callable[[str], None] = _ignore


@define
class Input:
    """Reads one input, once its beginning has told what it is.

    Attributes:
        counts: what became of its lines so far.
        exhausted: whether its end was reached.
    """

    _source: Source
    _how: HowToRead = field(factory=HowToRead)
    counts: LineCounts = field(factory=LineCounts, init=False)
    exhausted: bool = field(default=False, init=False)
    _unpacker: Unpacker = field(factory=Unpacker, init=False)
    _transcoder: Transcoder = field(init=False)
    _pieces: Iterator[bytes] = field(default=iter(()), init=False)
    _ended: bool = field(default=False, init=False)
    _beginning: bytes = field(default=b"", init=False)
    _reader: Reader | None = field(default=None, init=False)
    _records: Iterator[Entry] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._transcoder = Transcoder(self._how.encoding)

    @property
    def size(self) -> int | None:
        """Bytes in all; None where they do not tell how much is left, as in a pipe."""
        return None if self._records is not None else self._source.size

    @property
    def offset(self) -> int:
        """Bytes read so far."""
        return self._source.offset

    @property
    def is_file(self) -> bool:
        """Whether it can be read to its end at any time."""
        return self._source.size is not None

    async def read(self) -> Iterable[Entry]:
        """Return further entries, perhaps none yet.

        Raises:
            InputError: also while the entries are iterated over. Reading on after it only
                counts what is left. Where there are several inputs, it names this one.
        """
        if not self._how.mixed:
            return await self._further()
        try:
            return self._naming(await self._further())
        except InputError as error:
            failure = error
        raise self._named(failure)

    def _naming(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        try:
            yield from entries
        except InputError as error:
            failure = error
        else:
            return
        raise self._named(failure)

    def _named(self, error: InputError) -> InputError:
        name, message = self._source.name, error.message
        if message.startswith(f"{name}: "):
            return error
        said = message.removeprefix("the input ").replace(" of the input", "", 1)
        return type(error)(f"{name}: {said}", hint=error.hint)

    async def _further(self) -> Iterable[Entry]:
        if self._records is not None:
            batch = list(islice(self._records, _BATCH))
            self.exhausted = not batch
            return batch
        try:
            piece = await self._next_piece()
        except InputError:
            self.exhausted = True
            raise
        self.exhausted = piece is None and self._ended
        return self._read(
            self._transcoder.feed(piece or b"", last=self.exhausted), last=self.exhausted
        )

    async def _next_piece(self) -> bytes | None:
        """Return what there is next of the unpacked input; None at the end, or after a stop."""
        if (piece := next(self._pieces, None)) is None and not self._ended:
            data = await self._source.read()
            if not data and self._source.stopped:
                return None
            self._ended = not data
            self._pieces = self._unpacker.feed(data, last=self._ended)
            piece = next(self._pieces, None)
        return piece

    def stop(self) -> None:
        """Stop waiting for a pipe; a file can be read on."""
        if not self.is_file:
            self._source.stop()

    @property
    def unread(self) -> int:
        """How many lines follow an error, as far as the input was read on."""
        return 0 if self._reader is None else self._reader.unread

    def close(self) -> None:
        """Close it."""
        self._source.close()

    def _read(self, text: bytes, *, last: bool) -> Iterable[Entry]:
        if self._reader is None:
            self._beginning += text
            line = _first_line(self._beginning)
            if not last and line is None and len(self._beginning) < LONGEST_BEGINNING:
                return ()
            text, self._beginning = self._beginning, b""
            if text.startswith(SQLITE_MAGIC):
                return self._begin_records()
            self._reader = self._chosen(text, (line or text).decode("utf-8", "replace"))
        return self._reader.feed(text, last=last)

    def _begin_records(self) -> Iterable[Entry]:
        if self._source.path is None:
            raise InputError(
                f"{self._source.name}: an SQLite database cannot be read from a pipe.",
                hint="Name the file.",
            )
        if (said := self._said_of_text()) is not None and not self._how.mixed:
            raise InputError(
                f"{self._source.name}: is an SQLite database; {said} is for text.",
                hint="Leave it out: of the results of a check the column email is read.",
            )
        self._records = records_of(self._source.path, self._source.name, self._rule())
        self.exhausted = False
        return ()

    def _said_of_text(self) -> str | None:
        """Return an option that was given and means nothing for a database."""
        how = self._how
        if how.column not in {None, EMAIL}:
            return "--column"
        return "--delimiter" if how.delimiter is not None else None

    def _chosen(self, beginning: bytes, line: str) -> Reader:
        try:
            return self._reader_of(beginning, line)
        except InputError:
            self.exhausted = True
            raise

    def _reader_of(self, beginning: bytes, line: str) -> Reader:
        how, rule = self._how, self._rule()
        verify_kind(self._source.name, beginning, self._source.path)
        if how.encoding is None:
            verify_encoded(self._source.name, beginning)
        column = EMAIL if how.column is None else how.column
        kind = how.format or detected_format(
            self._source.name, line.encode(), column, searched=how.extract
        )
        match kind:
            case InputFormat.TEXT:
                self._verify_no_column()
                return TextReader(rule)
            case InputFormat.JSON | InputFormat.JSONL if (
                how.delimiter is not None and not how.mixed
            ):
                raise InputError(
                    f"{self._source.name}: is JSON; --delimiter is for tables.",
                    hint="Leave it out, or say what it is: --input-format csv|tsv",
                )
            case InputFormat.JSONL:
                return JSONLinesReader(rule, FieldReader(rule, column))
            case InputFormat.JSON:
                return JSONReader(rule, FieldReader(rule, column))
        delimiter = how.delimiter or delimiter_of(line, column) or _USUAL[kind]
        quoting = kind is InputFormat.CSV or delimiter != "\t" or is_quoted_header(line, delimiter)
        return TableReader(rule, RowReader(RowParser(delimiter, quoting)), how.column, how.tell)

    def _rule(self) -> EntryRule:
        return EntryRule(self._how.extract, self.counts)

    def _verify_no_column(self) -> None:
        named = "--column" if self._how.column is not None else "--delimiter"
        said = self._how.column is not None or self._how.delimiter is not None
        if said and not self._how.mixed:
            raise InputError(
                f"{self._source.name}: is plain text; {named} is for tables and JSON.",
                hint="Say what it is: --input-format csv|tsv|jsonl|json",
            )


_USUAL: Final = {InputFormat.CSV: ",", InputFormat.TSV: "\t"}


def _first_line(beginning: bytes) -> bytes | None:
    """Return the first line that is not blank; None while it has no end."""
    text = beginning.lstrip()
    ends = [end for end in (text.find(b"\n"), text.find(b"\r")) if end >= 0]
    return text[: min(ends)] if ends else None
