"""The results of one run, as a report sees them: one record for each email."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from ltx_async.codec.identity import entry_key
from ltx_async.results.reading import RecordReader
from ltx_async.results.record import Record
from ltx_async.wording import counted


@frozen
class Results:
    """The records of one results file, one for each email.

    Attributes:
        name: the file as it was named.
        records: in the order of the file, without the JSON of the accounts.
        remarks: what was wrong with the file, a sentence each.
    """

    name: str
    records: tuple[Record, ...]
    remarks: tuple[str, ...] = ()

    @property
    def as_of(self) -> datetime | None:
        """When the last of the records was found out; None without any."""
        return max((record.checked_at for record in self.records), default=None)


def collect(reader: RecordReader) -> Results:
    """Read all records of a file; of several of one email, the last one counts.

    Raises:
        InputError: it cannot be read, or nothing in it is a result.
    """
    records: dict[str, Record] = {}
    read = 0
    for record in reader:
        read += 1
        records[entry_key(record.email)] = evolve(record, account=None)
    remarks = list(reader.remarks)
    if repeated := read - len(records):
        remarks.append(f"Replaced by a later one of the same email: {counted(repeated, 'record')}.")
    return Results(reader.name, tuple(records.values()), tuple(remarks))
