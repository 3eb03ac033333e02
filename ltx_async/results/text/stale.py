"""The records that an output had, which are asked for again, and stay until they are answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import Final

from attrs import define, field

from ltx_async.models import Lookup, Outcome
from ltx_async.results.earlier import Renewal
from ltx_async.results.known import KeyNumbers, email_key
from ltx_async.results.text.format import TextFormat
from ltx_async.results.text.scanner import Scanner, read_piece
from ltx_async.results.usual_record import Brief

_AT_A_TIME: Final = 1 << 20  # bytes


@define(eq=False)
class StaleRecords:
    """The records of a file that is replaced which are to be renewed, read once more at the end.

    Attributes:
        file: what is replaced; its content outlasts its name as long as it is open.
        format: what it is written in.
        whole: bytes of whole records in it.
        renewal: which of them are asked for again.
    """

    file: BufferedReader
    format: TextFormat
    whole: int
    renewal: Renewal
    _answered: KeyNumbers = field(factory=KeyNumbers, init=False)

    def note(self, lookups: Iterable[Lookup]) -> None:
        """Take what is written in the place of older records."""
        for lookup in lookups:
            refused = lookup.outcome is Outcome.INVALID
            self._answered.put(email_key(lookup.email, refused=refused))

    def left(self) -> Iterator[bytes]:
        """Yield the records that nothing was written in the place of, many at a time.

        Raises:
            OSError: the file cannot be read.
            UnusableOutputError: somebody has changed it meanwhile.
        """
        scanner, kept = Scanner(self.format), bytearray()
        self.file.seek(0)
        while scanner.whole < self.whole and (piece := read_piece(self.file)):
            for record, data in scanner.with_bytes_in(piece):
                if self._stays(record):
                    kept += data
            if len(kept) >= _AT_A_TIME:
                yield bytes(kept)
                kept.clear()
        if kept:
            yield bytes(kept)

    def _stays(self, record: Brief) -> bool:
        if not self.renewal.concerns(record):
            return False
        keys = [email_key(record.email)]
        if record.outcome is Outcome.INVALID:  # it may be one that can be sent by now
            keys.append(email_key(record.email, refused=True))
        return all(self._answered.get(key) is None for key in keys)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
