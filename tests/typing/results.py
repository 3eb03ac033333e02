"""Checked by mypy and basedpyright, never run: results in files and as rows."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, assert_type

from ltx_async import Lookup, LTXClient, Outcome
from ltx_async.results import Record, RecordReader, ResultsWriter, open_results, read_results


async def kept(client: LTXClient, emails: AsyncIterator[str], path: Path) -> None:
    async with open_results(path, existing="resume", retry={Outcome.FAILED}) as out:
        assert_type(out, ResultsWriter)
        todo = (email async for email in emails if email not in out)
        async with client.lookup_many(todo) as lookups:
            async for lookup in lookups:
                await out.write(lookup)
        assert_type(out.earlier, int)
    async with open_results("r.csv", "overwrite", older_than=timedelta(days=1)):
        pass


def read(path: Path) -> Iterable[str]:
    with read_results(path) as records:
        assert_type(records, RecordReader)
        for record in records:
            assert_type(record, Record)
            assert_type(record.outcome, Outcome)
            assert_type(record.checked_at, datetime)
            assert_type(record.balance, float | None)
            yield record.email
    yield from (record.email for record in read_results("r.sqlite"))


def flat(lookup: Lookup, record: Record) -> list[dict[str, str | float | datetime | None]]:
    assert_type(lookup.to_record(), dict[str, Any])
    assert_type(record.to_record(), dict[str, Any])
    return [lookup.to_row(), record.to_row()]


def refused(record: Record, path: Path) -> None:
    """Each line is an error of both checkers; one that is not makes its `ignore` one."""
    record.email = "bob@example.com"  # type: ignore[misc]
    open_results(path, existing="append")  # type: ignore[arg-type]
    open_results(path, "resume", frozenset())  # type: ignore[call-arg]
