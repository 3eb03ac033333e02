"""One entry of an input: its text, and the email to ask for or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from attrs import astuple, define, frozen

from ltx_async.errors import LONGEST_EMAIL
from ltx_async.inputs.addresses import addresses_in, is_plain, objection

LONGEST_TEXT: Final = 1_000
"""Octets of an entry that are kept; an address has 254 at most."""

_LONGEST_REST: Final = 60
NOT_UTF8: Final = "the line is not valid UTF-8"
_NO_ADDRESS: Final = "no address is in it"


class Entry(NamedTuple):
    r"""One entry of an input; a tuple, because there may be a million.

    Attributes:
        text: what stands there, trimmed; bytes that cannot be decoded as `\xNN`, and of an
            overlong one the beginning.
        email: the address to ask for; None where there is none.
        reason: why there is none; None where there is one.
        line: the line of the input on which it begins, from 1; in SQLite the record.
    """

    text: str
    email: str | None
    reason: str | None
    line: int


@define
class LineCounts:
    """What became of the lines of an input, or the rows, or the elements, that were read.

    lines = entries + blank + comments + headers - additional, always.

    Attributes:
        lines: all of them.
        blank: those without anything but white space.
        comments: those that begin with `#` in text.
        headers: those that name the columns of a table.
        additional: entries that were taken out of a line besides its first one.
        composed: refused ones with addresses in them that could be taken out.
        undecodable: refused ones with bytes in the email that are not UTF-8.
    """

    lines: int = 0
    blank: int = 0
    comments: int = 0
    headers: int = 0
    additional: int = 0
    composed: int = 0
    undecodable: int = 0

    def __add__(self, other: LineCounts) -> LineCounts:
        return LineCounts(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def skipped(self) -> dict[str, int]:
        """Return how many lines are no entries, by what they are."""
        return {"blank": self.blank, "comment": self.comments, "header": self.headers}


class Reader(Protocol):
    """Turns pieces of an input into entries."""

    @property
    def unread(self) -> int:
        """How many lines came after an `InputError`, or were fed before it but not used."""
        ...  # pragma: no cover

    def feed(self, data: bytes, *, last: bool) -> Iterable[Entry]:
        """Return the entries that `data` completes; with `last`, all that are left.

        Raises:
            InputError: the input cannot be read at all, or not from here on. What is fed after
                that is counted as unread.
        """
        ...  # pragma: no cover


@frozen
class EntryRule:
    """Makes entries of texts.

    Attributes:
        extract: whether to take the addresses out of a text that is no plain one.
        counts: is told of additional entries.
    """

    extract: bool
    counts: LineCounts

    def of_bytes(self, raw: bytes, line: int) -> Iterable[Entry]:
        """Make the entries of a line, which is cut before decoding unless addresses are wanted."""
        raw = raw.strip() if self.extract else _bounded_bytes(raw)
        try:
            text = raw.decode().strip()
        except UnicodeDecodeError:
            return self._undecodable(raw.decode("utf-8", "backslashreplace"), line)
        return self.of_text(text, line)

    def of_cell(self, cell: str, line: int, *, broken: bool) -> Iterable[Entry]:
        """Make the entries of a text in which lone surrogates may stand for undecodable bytes.

        Args:
            cell: the text.
            line: where it stands.
            broken: whether its line was not UTF-8; otherwise a lone surrogate is just that.
        """
        text = cell.strip()
        if broken and (shown := _escaped(text)) != text:
            return self._undecodable(shown, line)
        return self.of_text(text, line)

    def _undecodable(self, shown: str, line: int) -> Iterable[Entry]:
        self.counts.undecodable += 1
        return (refused_entry(shown, NOT_UTF8, line),)

    def of_text(self, text: str, line: int) -> Iterable[Entry]:
        """Make the entries of a trimmed text."""
        if len(text) <= LONGEST_EMAIL and is_plain(text):
            return (Entry(text, text, None, line),)
        reason = objection(text)
        if reason is None:
            return (Entry(text, text, None, line),)
        shown = _bounded(text)
        if not self.extract:
            self.counts.composed += any(True for _ in addresses_in(shown))
            return (Entry(shown, None, reason, line),)
        found = [Entry(shown, address, None, line) for address in addresses_in(text)]
        self.counts.additional += max(0, len(found) - 1)
        return found or (Entry(shown, None, f"{reason}; {_NO_ADDRESS}", line),)


def refused_entry(text: str, reason: str, line: int) -> Entry:
    """Make an entry that has no email."""
    return Entry(_bounded(_escaped(text.strip())), None, reason, line)


def decoded(line: bytes) -> str:
    """Decode a line; bytes that are not UTF-8 become lone surrogates (PEP 383)."""
    return line.decode("utf-8", "surrogateescape")


def is_broken(line: bytes) -> bool:
    """Whether a line is not UTF-8."""
    if line.isascii():
        return False
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


def _escaped(text: str) -> str:
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # other lone surrogates, from JSON; the library refuses those
        return text


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_TEXT + _LONGEST_REST:
        return text
    return text[:LONGEST_TEXT] + _rest(text.encode("utf-8", "surrogatepass"))


def _bounded_bytes(raw: bytes) -> bytes:
    if len(raw) <= LONGEST_TEXT or len(raw := raw.strip()) <= LONGEST_TEXT:
        return raw
    end = LONGEST_TEXT
    while raw[end] & 0xC0 == 0x80 and end > LONGEST_TEXT - 4:  # not within a character
        end -= 1
    return raw[:end] + _rest(raw).encode()


def _rest(raw: bytes) -> str:
    """Return a stand-in for what is cut off, so that texts that differ there stay different."""
    return f"… ({len(raw):,} octets, {blake2b(raw, digest_size=8).hexdigest()})"
