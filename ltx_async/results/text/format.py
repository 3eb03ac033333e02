"""What a format of text is: how things become bytes, and how records lie in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ltx_async.models import Lookup
from ltx_async.results.output import T_contra
from ltx_async.results.record import Record
from ltx_async.results.usual_record import Brief


class Encoding(Protocol[T_contra]):
    """How things become bytes, one after the other."""

    @property
    def header(self) -> bytes:
        """What stands before the first one; may be empty."""
        ...  # pragma: no cover

    def encode(self, item: T_contra, /) -> bytes:
        """Return one as bytes, its line end included."""
        ...  # pragma: no cover


class TextFormat(Encoding[Lookup], Protocol):
    """How lookups become bytes, and how their records lie in a file."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that there is no place for."""
        ...  # pragma: no cover

    @property
    def on_a_terminal(self) -> TextFormat:
        """The format of records that a terminal shows, on which nothing in them has an effect."""
        ...  # pragma: no cover

    def recognises(self, start: bytes) -> bool:
        """Whether a file that begins with these bytes is of this format."""
        ...  # pragma: no cover

    def headed(self, header: bytes, /) -> TextFormat:
        """Return the format of a file that begins with this line.

        Raises:
            ValueError: it is no header of results.
        """
        ...  # pragma: no cover

    def goes_on(self, line: bytes, *, within: bool = False) -> bool:
        """Whether a record is unfinished after this line; `within`: whether it began before it."""
        ...  # pragma: no cover

    def parse(self, data: bytes) -> Record:
        """Return a record.

        Raises:
            ValueError: it is none.
        """
        ...  # pragma: no cover

    def parse_briefly(self, data: bytes) -> Brief:
        """Return a record without the JSON of its account, as fast as can be.

        Raises:
            ValueError: it is none.
        """
        ...  # pragma: no cover

    def runs_in(self, lines: bytes) -> Iterable[tuple[bytes, Sequence[Brief]]]:
        """Split lines into runs, with the records of those that are quickly read.

        Where there are none, each line is to be looked at by itself.
        """
        ...  # pragma: no cover

    def may_be_torn(self, data: bytes) -> bool:
        """Whether these bytes can be what is left of a record."""
        ...  # pragma: no cover
