"""One entry of an input, as it stands there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from attrs import frozen

_NOT_UTF8: Final = "the line is not valid UTF-8"


@frozen
class Entry:
    r"""One email of the input.

    Attributes:
        email: the text, trimmed; undecodable bytes as `\xNN`.
        problem: why it cannot be asked for, None where it can.
    """

    email: str
    problem: str | None = None


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


def _is_broken(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False
