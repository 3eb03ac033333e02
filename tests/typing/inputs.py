"""Checked by mypy and basedpyright, never run: what is read, as type checkers see it."""

from collections.abc import AsyncIterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import assert_type

from ltx_async import LTXClient
from ltx_async.inputs import Entry, read_emails, read_entries


async def entries() -> None:
    async for entry in read_entries("emails.csv", column="login", delimiter=";"):
        assert_type(entry, Entry)
        assert_type(entry.text, str)
        assert_type(entry.email, str | None)
        assert_type(entry.line, int)
        if entry.email is None:
            assert_type(entry.reason, str | None)
    assert_type(
        read_entries(Path("x.gz"), format="jsonl", encoding="latin-1"), AsyncIterator[Entry]
    )
    assert_type(read_entries(BytesIO()), AsyncIterator[Entry])
    assert_type(read_entries(StringIO(), extract=True), AsyncIterator[Entry])


async def emails(client: LTXClient, refused: list[Entry]) -> None:
    found = read_emails("emails.txt", on_refused=refused.append)
    assert_type(found, AsyncIterator[str])
    async with client.lookup_many(found) as lookups:
        async for _ in lookups:
            pass
