"""The results of one run or of several, as a report sees them: one record for each email."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Self

from attrs import evolve, field, frozen

from ltx_async.codec.identity import entry_key
from ltx_async.results.reading import RecordReader
from ltx_async.results.record import Record
from ltx_async.wording import counted


@frozen
class Results:
    """The records of results files, one for each email.

    Attributes:
        name: the files as they were named.
        records: in the order of the files, without the JSON of the accounts.
        remarks: what was wrong with a file, a sentence each.
        sources: by key of the entry, the file that the record is from; empty for one file.
    """

    name: str
    records: tuple[Record, ...]
    remarks: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(factory=dict, hash=False, repr=False)

    @property
    def as_of(self) -> datetime | None:
        """When the last of the records was found out; None without any."""
        return max((record.checked_at for record in self.records), default=None)

    @property
    def base_urls(self) -> dict[str, int]:
        """Where the records were asked for, with how many, as far as they tell; most first."""
        asked = Counter(one.base_url for one in self.records if one.base_url is not None)
        return dict(asked.most_common())

    def source_of(self, email: str) -> str | None:
        """Return the file that the record of an email is from; None where there is one only."""
        return self.sources.get(entry_key(email))

    def of_emails(self, emails: Collection[str]) -> Self:
        """Return the results of these emails alone."""
        return evolve(self, records=tuple(one for one in self.records if one.email in emails))


def collect(*readers: RecordReader) -> Results:
    """Read all records of files, one for each email.

    Of several of one email in a file, the last one counts; in several files, the one that was
    checked last.

    Raises:
        InputError: a file cannot be read, or nothing in it is a result.
    """
    records: dict[str, Record] = {}
    sources: dict[str, str] = {}
    remarks: list[str] = []
    twice = 0
    for reader in readers:
        found, replaced = _records_of(reader)
        remarks += (f"{reader.name}: {one}" if len(readers) > 1 else one for one in replaced)
        for key, record in found.items():
            twice += key in records
            if key not in records or records[key].checked_at <= record.checked_at:
                records[key], sources[key] = record, reader.name
    if twice:
        remarks.append(f"In several files, of which the latest counts: {counted(twice, 'email')}.")
    name = ", ".join(reader.name for reader in readers)
    several = sources if len(readers) > 1 else {}
    return Results(name, tuple(records.values()), tuple(remarks), several)


def _records_of(reader: RecordReader) -> tuple[dict[str, Record], list[str]]:
    """Return the records of a file by key, and what is to be remarked."""
    records: dict[str, Record] = {}
    read = 0
    for record in reader:
        read += 1
        records[entry_key(record.email)] = record.forget_account()
    remarks = list(reader.remarks)
    if repeated := read - len(records):
        remarks.append(f"Replaced by a later one of the same email: {counted(repeated, 'record')}.")
    return records, remarks
