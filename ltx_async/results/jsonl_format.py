"""Results as JSON Lines: a JSON object per line, with the fields of `Lookup.to_record`."""

from __future__ import annotations

import json
import re
from datetime import datetime
from sys import intern
from typing import Final

from ltx_async.jsontext import NotJSONError, decode, encode
from ltx_async.models import Lookup, Outcome
from ltx_async.results.columns import LAST_YEAR, REQUIRED, UnusableRecordError
from ltx_async.results.record import Record
from ltx_async.results.scanner import TextFormat

_BOM: Final = b"\xef\xbb\xbf"
_FIRST_BYTES: Final = b'{"email":'
# What has one form in JSON only, and means the same to every library.
_TEXT: Final = r'"([ !#-\[\]-~]*+)"'
_WHOLE: Final = "(0|[1-9][0-9]{0,12})"
_FRACTION: Final = r"((?:0|[1-9][0-9]{0,12})\.[0-9]{1,6})"
_MOMENT: Final = r'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)"'
# The record of an account that is well, as it is nearly always written.
_USUAL: Final = re.compile(
    rf'\{{"email":{_TEXT},"outcome":"ok","status":{_WHOLE},"attempts":{_WHOLE}'
    rf',"elapsed_ms":{_FRACTION},"checked_at":{_MOMENT}(?:,"base_url":(?:null|{_TEXT}))?'
    r',"account":\{"email":"[ !#-\[\]-~]*+"'
    rf'(?:,"maxJobs":{_WHOLE})?(?:,"updatedUTC":{_MOMENT})?'
    rf'(?:,"tokenExpireUTC":{_MOMENT})?(?:,"refreshTokenExpireUTC":{_MOMENT})?'
    rf'(?:,"balance":\{{"LTXStudio_token":(?:{_WHOLE}|{_FRACTION})\}})?'
    r'(?:,"latestCreatedAtMs":\{"LTXStudio_token":(?:0|[1-9][0-9]{0,12})\})?'
    r'\},"error":null\}\n'
)


class JSONLines:
    """One record per line; unknown fields are ignored."""

    header: bytes = b""
    left_out: tuple[str, ...] = ()

    def recognises(self, start: bytes) -> bool:
        """Whether a file that begins so holds JSON objects; an empty one holds no results."""
        text = start.removeprefix(_BOM).lstrip()
        return text.startswith(b"{") or not text

    def headed(self, _header: bytes) -> TextFormat:
        """Refuse: the first line is a record."""
        raise UnusableRecordError

    def encode(self, lookup: Lookup) -> bytes:
        """Return a record as one line of ASCII JSON."""
        return encode(lookup.to_record()) + b"\n"

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

    def parse_briefly(self, data: bytes) -> Record:
        """Return a record without the JSON of its account: four times as fast, mostly.

        Raises:
            ValueError: it is none.
        """
        record = _usual_record(data)
        return self.parse(data).forget_account() if record is None else record

    def may_be_torn(self, data: bytes) -> bool:
        """Whether they begin as every record does, and are no JSON of another kind."""
        if not data.startswith(_FIRST_BYTES):
            return _FIRST_BYTES.startswith(data)
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            return True
        return isinstance(record, dict) and record.keys() >= REQUIRED


def _usual_record(data: bytes) -> Record | None:
    """Return what `Record.of_json` would; None where that is for it to say."""
    usual = _USUAL.fullmatch(data.decode("latin-1"))
    if usual is None:
        return None
    email, status, attempts, elapsed, checked, base_url, jobs, *moments, whole, fraction = (
        usual.groups()
    )
    try:
        checked_at = datetime.fromisoformat(checked)
        updated_at, token_expires_at, refresh_token_expires_at = map(_moment, moments)
    except ValueError:  # such as a 30th of February
        return None
    if checked_at.year > LAST_YEAR:
        return None
    return Record(
        email=email,
        outcome=Outcome.OK,
        status=int(status),
        balance=None if whole is fraction else int(whole) if whole else float(fraction),
        max_jobs=int(jobs) if jobs else None,
        updated_at=updated_at,
        token_expires_at=token_expires_at,
        refresh_token_expires_at=refresh_token_expires_at,
        attempts=int(attempts),
        elapsed_ms=float(elapsed),
        checked_at=checked_at,
        base_url=intern(base_url) if base_url else None,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


JSON_LINES: Final = JSONLines()
