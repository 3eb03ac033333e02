"""Results as JSON Lines: a JSON object per line, with the fields of `Lookup.to_record`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import evolve

from ltx_async.jsontext import NotJSONError, decode, encode
from ltx_async.models import Lookup, take_shown
from ltx_async.results.columns import REQUIRED, UnusableRecordError
from ltx_async.results.record import Record
from ltx_async.results.text.format import TextFormat
from ltx_async.results.usual_record import Brief, UsualRecord

_BOM: Final = b"\xef\xbb\xbf"
_FIRST_BYTES: Final = b'{"email":'
_END: Final = b"null", b',"error":null}'  # of a record without an account: it, and what follows


class JSONLines:
    """One record per line; unknown fields are ignored."""

    header: bytes = b""
    left_out: tuple[str, ...] = ()

    @property
    def on_a_terminal(self) -> TextFormat:
        """This one: ASCII JSON moves and colours nothing."""
        return self

    def recognises(self, start: bytes) -> bool:
        """Whether a file that begins so holds JSON objects; an empty one holds no results."""
        text = start.removeprefix(_BOM).lstrip()
        return text.startswith(b"{") or not text

    def headed(self, _header: bytes) -> TextFormat:
        """Refuse: the first line is a record."""
        raise UnusableRecordError

    def encode(self, lookup: Lookup) -> bytes:
        """Return a record as one line of ASCII JSON."""
        shown = None if lookup.account is None else take_shown(lookup.account)
        if shown is None or lookup.error is not None:
            return encode(lookup.to_record()) + b"\n"
        start = encode(evolve(lookup, account=None).to_record()).removesuffix(b"".join(_END))
        return b"".join((start, shown, _END[1], b"\n"))

    def goes_on(self, line: bytes, *, within: bool = False) -> bool:  # noqa: ARG002 - a line is all
        """Whether the end of the line is missing."""
        return not line.endswith(b"\n")

    def parse(self, data: bytes) -> Record:
        """Return a record.

        Raises:
            ValueError: it is none.
        """
        try:
            record = decode(data)
        except NotJSONError:  # the strict decoder also refuses lone surrogates and huge numbers
            try:
                record = json.loads(data)
            except RecursionError:
                raise UnusableRecordError from None
        return Record.of_json(record)

    def parse_briefly(self, data: bytes) -> Brief:
        """Return a record without the JSON of its account: many times as fast, mostly.

        Raises:
            ValueError: it is none.
        """
        return UsualRecord.of_line(data) or self.parse(data).forget_account()

    def runs_in(self, lines: bytes) -> Iterable[tuple[bytes, Sequence[Brief]]]:
        """Split lines into usual ones, with their records without accounts, and others."""
        return UsualRecord.runs_in(lines)

    def may_be_torn(self, data: bytes) -> bool:
        """Whether they begin as every record does, and are no JSON of another kind."""
        if not data.startswith(_FIRST_BYTES):
            return _FIRST_BYTES.startswith(data)
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            return True
        return isinstance(record, dict) and record.keys() >= REQUIRED


JSON_LINES: Final = JSONLines()
