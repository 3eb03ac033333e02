"""The readers of what is no table: text, JSON Lines, and JSON."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import define, field

from ltx_async.errors import LONGEST_EMAIL
from ltx_async.files.errors import InputError
from ltx_async.inputs.decoding import LONGEST_LINE, LineSplitter
from ltx_async.inputs.entries import Entry, EntryRule, decoded, is_broken, refused_entry
from ltx_async.inputs.fields import FieldReader

# Most lines match this and need no other check: `objection` allows all that matches.
_PLAIN_LINE: Final = re.compile(
    rb"[ \t]*+([A-Za-z0-9_+-][A-Za-z0-9_.+-]*+@[A-Za-z0-9_.-]*[A-Za-z0-9])\s*+"
)
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_decode: Final = json.JSONDecoder().decode
_VALUE: Final = json.JSONDecoder(parse_int=lambda _: None, parse_float=lambda _: None)
_LONGEST_REFUSED: Final = 1 << 20  # bytes; a longer line is refused without being parsed
_CUT_OFF: Final = f"the line is over {LONGEST_LINE >> 20} MiB long, and was not read any further"
_AS_LINES: Final = "Check it with `jq . FILE`; one bad line among JSON Lines ends nothing."
_ODD: Final = "a value that cannot be parsed"
_FAULTS: Final = {  # what the standard library says, and what we say
    "Unterminated string": "a text begins there whose closing quotation mark is missing",
    "Expecting value": "a value is missing, or is none of JSON",
    "Expecting property name": "the name of a field is missing, or is not in quotation marks",
    "Illegal trailing comma": "a comma stands before a closing bracket",
    "Expecting ',' delimiter": "no comma between two values",
    "Expecting ':' delimiter": "no colon behind the name of a field",
    "Invalid control character": "a text has a line end or a control character in it",
    "Invalid \\": "a text has a backslash that means nothing",
}


@define
class TextReader:
    """Text with one email per line; blank lines and lines that begin with `#` are skipped."""

    _rule: EntryRule
    _lines: LineSplitter = field(init=False)
    unread: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = LineSplitter(LONGEST_LINE if self._rule.extract else _LONGEST_REFUSED)

    def feed(self, data: bytes, *, last: bool) -> Iterator[Entry]:
        """Return the entries that `data` completes."""
        rule, counts, match = self._rule, self._rule.counts, _PLAIN_LINE.fullmatch
        lines = self._lines.feed(data, last=last)
        number = counts.lines
        counts.lines += len(lines)
        for line in lines:
            number += 1
            if len(line) <= LONGEST_EMAIL and (plain := match(line)) is not None:
                email = plain[1].decode("ascii")
                yield Entry(email, email, None, number)
            elif _is_blank(line):
                counts.blank += 1
            elif line.lstrip().startswith(b"#"):
                counts.comments += 1
            else:
                yield from rule.of_bytes(line, number)
                if rule.extract and len(line.rstrip(b"\r\n")) == LONGEST_LINE:
                    counts.additional += 1
                    yield refused_entry(line[-100:].decode(errors="replace"), _CUT_OFF, number)


@define
class JSONLinesReader:
    """JSON Lines: objects with the email under a name, or just emails as strings.

    A line that is neither is an entry with a reason: one bad line never ends a run.
    """

    _rule: EntryRule
    _fields: FieldReader
    _lines: LineSplitter = field(factory=LineSplitter)
    unread: int = 0

    def feed(self, data: bytes, *, last: bool) -> Iterator[Entry]:
        """Return the entries that `data` completes.

        Raises:
            InputError: the objects have no such name.
        """
        counts = self._rule.counts
        lines = self._lines.feed(data, last=last)
        if self.unread:
            self.unread += len(lines)
            return
        number = counts.lines
        counts.lines += len(lines)
        try:
            for line in lines:
                number += 1
                yield from self._entries(line, number)
            if last:
                yield from self._fields.finish()
        except InputError:
            self.unread = self._fields.held + counts.lines - number
            counts.lines -= self.unread
            raise

    def _entries(self, line: bytes, number: int) -> Iterable[Entry]:
        text = decoded(line).strip()
        if text and text[0] != "#":
            return self._fields.entries(_json(text), text, number, broken=is_broken(line))
        if text:
            self._rule.counts.comments += 1
        else:
            self._rule.counts.blank += 1
        return ()


def _is_blank(line: bytes) -> bool:
    return not line.strip() or (not line.isascii() and not line.decode(errors="replace").strip())


def _json(text: str) -> Any:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return None


@define
class JSONReader:
    """Reads values as they arrive; never more of the input at a time than one of them.

    Attributes:
        unread: 1 after an error, as it is not known how many values follow; else 0.
    """

    _rule: EntryRule
    _fields: FieldReader
    _decoder: codecs.IncrementalDecoder = field(
        factory=lambda: codecs.getincrementaldecoder("utf-8")("surrogateescape"), init=False
    )
    _text: str = field(default="", init=False)
    _needed: int = field(default=1, init=False)
    _line: int = field(default=1, init=False)
    _array: bool | None = field(default=None, init=False)
    _separated: bool = field(default=True, init=False)
    _closed: bool = field(default=False, init=False)
    unread: int = field(default=0, init=False)

    def feed(self, data: bytes, *, last: bool) -> Iterator[Entry]:
        """Return the entries that `data` completes.

        Raises:
            InputError: it is no JSON, or no array or series of values with the email.
        """
        if self.unread:
            return
        self._text += self._decoder.decode(data, last)
        # A value without an end is parsed again once it has doubled, not with every piece.
        if len(self._text) < self._needed and not last:
            return
        self._needed, position = 1, 0
        while (found := self._next(position, last=last)) is not None:
            value, start, position = found
            self._rule.counts.lines += 1
            text = self._text[start:position]
            broken = not text.isascii() and re.search("[\udc80-\udcff]", text) is not None
            line = self._line
            self._line += text.count("\n")
            yield from self._fields.entries(value, text, line, broken=broken)
        if last:
            yield from self._fields.finish()

    def _next(self, position: int, *, last: bool) -> tuple[Any, int, int] | None:
        """Return the next value, where it begins and ends; keep the rest for later without one."""
        start = self._punctuation(position)
        if start < len(self._text):
            try:
                value, end = _VALUE.raw_decode(self._text, start)
            except (ValueError, RecursionError) as error:
                fault: Exception | None = error
            else:
                if end < len(self._text) or last:  # more digits may follow a number
                    self._separated = False
                    return value, start, end
                fault = None
            if len(self._text) - start > LONGEST_LINE:
                raise self._failure(f"a value that is over {LONGEST_LINE >> 20} MiB long")
            if last:
                raise self._damaged(fault, start)
            self._needed = 2 * (len(self._text) - start)
        elif last and self._array and not self._closed:
            raise self._failure("the array is not closed")
        self._text = self._text[start:]
        return None

    def _punctuation(self, position: int) -> int:
        """Return where the next value begins, behind white space, brackets and commas."""
        while (start := self._behind_space(position)) < len(self._text):
            mark, position = self._text[start], start + 1
            if self._closed:
                raise self._failure("text follows behind the end of the array")
            if self._array is None:
                self._array = mark == "["
                if self._array:
                    continue
            if not self._array:
                return start
            if mark == "]":
                self._closed = True
            elif mark == "," and not self._separated:
                self._separated = True
            elif self._separated:
                return start
            else:
                raise self._failure("no comma between two values")
        return start

    def _behind_space(self, position: int) -> int:
        found = _SPACE.match(self._text, position)
        assert found is not None
        self._line += found[0].count("\n")
        return found.end()

    def _damaged(self, fault: Exception | None, start: int) -> InputError:
        """Say what is wrong with the value that begins at `start`, and on which line."""
        if not isinstance(fault, json.JSONDecodeError):
            return self._failure(_ODD)
        self._line += self._text.count("\n", start, fault.pos)
        if fault.pos >= len(self._text.rstrip()):
            return self._failure("the input ends within a value")
        return self._failure(
            next((ours for theirs, ours in _FAULTS.items() if fault.msg.startswith(theirs)), _ODD)
        )

    def _failure(self, problem: str) -> InputError:
        self.unread = 1
        return InputError(f"line {self._line} of the input: {problem}.", hint=_AS_LINES)
