"""Results as JSON Lines: written, continued, read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO, Final

from ltx_async.models import Lookup, Outcome
from ltx_async.results.columns import FIELDS, record_of
from ltx_async.results.record import _LONGEST_LINE, Finished, Item, _flaw_of, row_of_record
from ltx_async.results.scanner import RecordFormat

_encode_json: Final = json.JSONEncoder(ensure_ascii=True).encode


def json_line(lookup: Lookup) -> bytes:
    """Return a record as one line of ASCII JSON."""
    return _encode_json(record_of(lookup)).encode() + b"\n"


_FIRST_BYTES: Final = b'{"email":'


class JSONLayout:
    """One record per line, a JSON object with the documented fields and no other."""

    def goes_on(self, data: bytes) -> bool:
        """Whether the end of the line is missing."""
        return not data.endswith(b"\n")

    def parse(self, data: bytes) -> Finished:
        """Return a record.

        Raises:
            ValueError: it is none, or one of another version.
        """
        try:
            record = json.loads(data)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(record, dict) or record.keys() != FIELDS:
            raise ValueError("no record")
        email, account = record["email"], record["account"]
        if not isinstance(email, str):
            raise ValueError("no email")  # noqa: TRY004 - one error for all that is no record
        return Finished(
            email, Outcome(record["outcome"]), account if isinstance(account, dict) else None
        )

    def may_be_torn(self, data: bytes) -> bool:
        """Whether they begin as every record does, and are no JSON of another kind."""
        if not data.startswith(_FIRST_BYTES):
            return _FIRST_BYTES.startswith(data)
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            return True
        return isinstance(record, dict) and record.keys() == FIELDS


JSON_LINES: Final = RecordFormat(b"", json_line, JSONLayout())


def json_rows(file: BinaryIO) -> Iterator[Item]:
    """Read JSON lines; blank ones are skipped."""
    while line := file.readline(_LONGEST_LINE):
        if line.strip():
            yield _json_row(line)


def _json_row(line: bytes) -> Item:
    try:
        return row_of_record(json.loads(line))
    except (ValueError, RecursionError):  # UnusableRecordError is a ValueError
        return _flaw_of(line)
