"""Keep lookups in a file, and know which emails have a record there already."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from attrs import define, field

from ltx_async.errors import ConfigurationError
from ltx_async.files.errors import OutputRefusedError, verify_name
from ltx_async.models import Lookup, Outcome
from ltx_async.results.ahead import Ahead
from ltx_async.results.earlier import EarlierRecords, Renewal
from ltx_async.results.formats import Existing, open_output
from ltx_async.results.known import KnownEmails
from ltx_async.results.output import Output
from ltx_async.results.usual_record import Brief


@define(eq=False)
class ResultsWriter:
    """An open file of results; `email in out` tells whether it holds a record of an email.

    Two spellings are one email where they differ in the case of the domain alone. What was
    refused has a record too: a blank, or `Ann <ann@example.com>` where `check` has written to
    the file. About 35 bytes of memory are taken for each.

    Attributes:
        name: the file as it was named.
        earlier: how many records the file held, without those that are asked for again.
        remarks: what else was found when it was opened, such as a torn end that was cut off.
        taken: how many lookups were written to it since.
    """

    name: str
    _writer: Output[Lookup]
    _known: KnownEmails
    earlier: int = 0
    remarks: tuple[str, ...] = ()
    taken: int = field(default=0, init=False)
    _ahead: Ahead = field(factory=Ahead, init=False)

    async def write(self, lookup: Lookup) -> None:
        """Keep one lookup; within a second it is on the disk.

        Raises:
            OutputFailedError: the disk is full, or the file cannot be written; every record
                before this one is whole.
        """
        await self._ahead.prepare(lookup)
        await self._writer.write(lookup)
        self.taken += 1
        self._known.add(lookup.email, lookup.outcome)

    def __contains__(self, email: object) -> bool:
        return email in self._known


@asynccontextmanager
async def open_results(
    path: str | Path,
    existing: Literal["refuse", "resume", "overwrite"] = "refuse",
    *,
    retry: Collection[Outcome] = frozenset(),
    older_than: timedelta | None = None,
) -> AsyncGenerator[ResultsWriter]:
    """Open a file for results, private and locked, and close it at the end of the block.

    The suffix chooses the format: `.jsonl` or `.ndjson`, `.csv`, `.tsv`, `.sqlite` or `.db`. A
    file that is continued loses a torn end, and keeps its own columns where it is a table.

    Args:
        path: the file.
        existing: what to do if it is there: `refuse`, `resume` after its records, `overwrite`.
            A file that is overwritten stays as it is until the first answer is on the disk
            beside it, and for good if there is none.
        retry: outcomes whose emails are to be asked for again, so that `email in out` is false
            for them. Each of their records stays until a new one is written in its place.
        older_than: likewise, records that were checked longer ago than this.

    Raises:
        ConfigurationError: `existing` is none of the three, or something is to be asked again
            without `existing="resume"`.
        OutputRefusedError: the file is there and must not be, is in use by another process, or
            is something else; nothing was changed.
        OutputFailedError: it cannot be written; from the end of the block too.
    """
    how, renewal = _how(existing), _renewal(retry, older_than)
    if renewal and how is not Existing.RESUME:
        raise ConfigurationError("`retry` and `older_than` need existing='resume'")
    verify_name(path, OutputRefusedError)
    known = KnownEmails()

    def remember(record: Brief) -> None:
        known.add(record.email, record.outcome)

    found = EarlierRecords(remember, renewal)
    writer = await open_output(Path(path), how, found)
    try:
        results = ResultsWriter(str(path), writer, known, found.count, tuple(found.remarks))
        yield results
        if results.taken:
            await writer.put_in_place()
    finally:
        await writer.close()


def _how(existing: str) -> Existing:
    if existing in {*Existing}:
        return Existing(existing)
    raise ConfigurationError(f"`existing` is {existing!r}; choose refuse, resume or overwrite")


def _renewal(retry: Collection[Outcome], older_than: timedelta | None) -> Renewal:
    outcomes = {retry} if isinstance(retry, str) else {*retry}  # a single outcome is a string too
    if not outcomes <= {*Outcome}:
        raise ConfigurationError(f"`retry` is {retry!r}; choose from {', '.join(Outcome)}")
    before = None if older_than is None else datetime.now(UTC) - older_than
    return Renewal(frozenset(map(Outcome, outcomes)), before)
