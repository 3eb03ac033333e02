"""The results of one run or of several, as a report sees them: one record for each email."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Self

from attrs import evolve, field, frozen

from ltx_async.alerts import Attention, Thresholds
from ltx_async.codec.identity import entry_key
from ltx_async.report.records import Records
from ltx_async.results.reading import RecordReader, brief_records
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
    records: Records
    remarks: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(factory=dict, hash=False, repr=False)

    @property
    def as_of(self) -> datetime | None:
        """When the last of the records was found out; None without any."""
        return self.records.moments("checked_at").latest()

    @property
    def base_urls(self) -> dict[str, int]:
        """Where the records were asked for, with how many, as far as they tell; most first."""
        asked = self.records.counts("base_url")
        del asked[None]
        return dict(asked.most_common())

    def source_of(self, email: str) -> str | None:
        """Return the file that the record of an email is from; None where there is one only."""
        return self.sources.get(entry_key(email))

    def of_emails(self, emails: Collection[str]) -> Self:
        """Return the results of these emails alone."""
        return evolve(self, records=Records.of(self.records.where("email", emails.__contains__)))

    def attention(self, thresholds: Thresholds, now: datetime) -> Iterator[Attention]:
        """Return the accounts that need somebody as of `now` (aware), in no order."""
        for record in self.records.where("outcome", thresholds.concern):
            if (attention := thresholds.attention(record, now)) is not None:
                yield attention


def collect(*readers: RecordReader) -> Results:
    """Read all records of files, one for each email.

    Of several of one email in a file, the last one counts; in several files, the one that was
    checked last.

    Raises:
        InputError: a file cannot be read, or nothing in it is a result.
    """
    files = [(reader.name, Records.of(brief_records(reader))) for reader in readers]
    told = list(map(_remarks, readers, (records for _, records in files)))
    if len(files) == 1:
        return Results(*files[0], tuple(told[0]))
    remarks = [
        f"{name}: {one}" for (name, _), ones in zip(files, told, strict=True) for one in ones
    ]
    sources: dict[str, str] = {}
    latest = Records.of(_latest(files, sources))
    if twice := sum(len(records) for _, records in files) - len(latest):
        remarks.append(f"In several files, of which the latest counts: {counted(twice, 'email')}.")
    return Results(", ".join(name for name, _ in files), latest, tuple(remarks), sources)


def _remarks(reader: RecordReader, records: Records) -> Iterator[str]:
    yield from reader.remarks
    if records.replaced:
        ones = counted(records.replaced, "record")
        yield f"Replaced by a later one of the same email: {ones}."


def _latest(files: Sequence[tuple[str, Records]], sources: dict[str, str]) -> Iterator[Record]:
    """Return records that none of an earlier file is later than, and note the file of each."""
    for number, (name, records) in enumerate(files):
        for record in records:
            before = (one.value_of(record.email, "checked_at") for _, one in files[:number])
            if all(moment is None or moment <= record.checked_at for moment in before):
                sources[entry_key(record.email)] = name
                yield record
