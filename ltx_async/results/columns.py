"""The columns of a table of results: an attribute of `Columns` is one of them.

Rows, CSV, SQLite, what `report` reads and the data dictionary derive from here. The names are
those of `Lookup.to_row`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from sys import intern
from typing import Any, Final

from attrs import field, fields, frozen

from ltx_async.models import Outcome, Value, timestamp

Cell = str | float | None
"""What a table cell may hold: text, a number, nothing."""

_BEYOND: Final = 1 << 63
_OUTCOMES: Final[dict[str, Outcome]] = {outcome.value: outcome for outcome in Outcome}
LAST_YEAR: Final = 9000
"""Of a clock; calculations may go beyond, up to 9999 in Python."""


class UnusableRecordError(ValueError):
    """A record without an email, of an unknown outcome, or with a field of a wrong type."""


def _text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise UnusableRecordError
    return cell


def _name(cell: Any) -> str:
    """Return text that many records share, once in memory for all of them."""
    return intern(_text(cell))


def _outcome(cell: Any) -> Outcome:
    try:
        return _OUTCOMES[cell]
    except (KeyError, TypeError):
        raise UnusableRecordError from None


def _number(cell: Any) -> float:
    """Return a finite number, whole ones of 64 bits exactly; CSV holds it as text."""
    if (type(cell) is int and -_BEYOND < cell < _BEYOND) or (
        type(cell) is float and math.isfinite(cell)
    ):
        return cell
    try:
        number = float(cell)
    except (ValueError, TypeError, OverflowError):
        raise UnusableRecordError from None
    if not math.isfinite(number):
        raise UnusableRecordError
    is_whole = abs(number) < _BEYOND and str(cell).lstrip("-").isdecimal()
    return int(cell) if is_whole else number


def _integer(cell: Any) -> int:
    """Return a whole number; a data frame with gaps may have turned 200 into `200.0`."""
    number = _number(cell)
    if type(number) is int:
        return number
    if number != math.floor(number):
        raise UnusableRecordError
    return int(number)


def _moment(cell: Any) -> datetime:
    if isinstance(cell, datetime):
        return cell
    try:
        moment = datetime.fromisoformat(cell)
        if moment.tzinfo is UTC:
            return moment
        if moment.tzinfo is not None:  # a torn record may have lost the zone
            return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        pass
    raise UnusableRecordError


def _recent_moment(cell: Any) -> datetime:
    moment = _moment(cell)
    if moment.year > LAST_YEAR:
        raise UnusableRecordError
    return moment


@frozen
class Kind:
    """What the cells of a column hold.

    Attributes:
        sql_type: the type that SQLite is told.
        read: makes the value of a cell that is not empty.
    """

    sql_type: str
    read: Callable[[Any], Any]


def _holding(sql_type: str, read: Callable[[Any], Any]) -> dict[str, Kind]:
    return {_KIND: Kind(sql_type, read)}


_KIND: Final = "kind"
_KEY: Final = _holding("TEXT NOT NULL PRIMARY KEY", _text)
_OUTCOME: Final = _holding("TEXT NOT NULL", _outcome)
_TEXT: Final = _holding("TEXT", _text)
_NAME: Final = _holding("TEXT", _name)
_INTEGER: Final = _holding("INTEGER", _integer)
_NUMBER: Final = _holding("NUMERIC", _number)
_FRACTION: Final = _holding("REAL", _number)
_MOMENT: Final = _holding("TEXT", _moment)
_RECENT: Final = _holding("TEXT", _recent_moment)


@frozen(kw_only=True)
class Columns:
    """What a row of a table tells of one email; None where it does not say.

    Attributes:
        email: the address as it was given.
        outcome: what became of it: `ok`, `needs_reauth`, `not_found`, `invalid` or `failed`.
        status: HTTP status of the last reply; none where no reply came.
        balance: LTX tokens left.
        max_jobs: parallel jobs allowed.
        updated_at: last change of the account's configuration, UTC.
        token_expires_at: end of the access token, renewed by the service, UTC.
        refresh_token_expires_at: end of the sign-in, UTC; then a person is needed.
        error_type: class of what is wrong; set for every outcome but `ok`.
        error: what is wrong, in the words of the error or of the account; likewise.
        attempts: how often it was tried, retries and throttles included.
        elapsed_ms: milliseconds from the first attempt to the result, waits included.
        checked_at: when the result was known, UTC.
        base_url: the base URL that was asked; none where nothing was sent, or in old records.
    """

    email: str = field(metadata=_KEY)
    outcome: Outcome = field(metadata=_OUTCOME)
    status: int | None = field(default=None, metadata=_INTEGER)
    balance: float | None = field(default=None, metadata=_NUMBER)
    max_jobs: int | None = field(default=None, metadata=_INTEGER)
    updated_at: datetime | None = field(default=None, metadata=_MOMENT)
    token_expires_at: datetime | None = field(default=None, metadata=_MOMENT)
    refresh_token_expires_at: datetime | None = field(default=None, metadata=_MOMENT)
    error_type: str | None = field(default=None, metadata=_TEXT)
    error: str | None = field(default=None, metadata=_TEXT)
    attempts: int = field(default=0, metadata=_INTEGER)
    elapsed_ms: float | None = field(default=None, metadata=_FRACTION)
    checked_at: datetime = field(metadata=_RECENT)
    base_url: str | None = field(default=None, metadata=_NAME)

    def to_row(self) -> dict[str, Value]:
        """Return one flat row for a table or a data frame, like that of a `Lookup`."""
        row = {name: getattr(self, name) for name in COLUMNS}
        row["outcome"] = self.outcome.value
        return row


COLUMNS: Final[Mapping[str, Kind]] = {one.name: one.metadata[_KIND] for one in fields(Columns)}
"""The columns of every table of results, in order."""

_READING: Final = tuple((name, kind.read) for name, kind in COLUMNS.items())

REQUIRED: Final = frozenset({"email", "outcome", "checked_at"})
"""What every record has, in any format and of any version."""


def values_of(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of cells by column; an empty cell counts as a missing one.

    Only an email can be empty text, as the input's text is kept whatever it was.

    Raises:
        UnusableRecordError: a cell holds something else than its column does, or one that is
            required is missing.
    """
    values = {
        name: read(cell)
        for name, read in _READING
        if (cell := cells.get(name)) is not None and (cell != "" or name == "email")
    }
    if not values.keys() >= REQUIRED:
        raise UnusableRecordError
    return values


def cells_of(row: Mapping[str, Value]) -> Iterator[Cell]:
    """Return the cells of a row in its order: moments become text."""
    return (timestamp(value) if isinstance(value, datetime) else value for value in row.values())


def plain_text(text: str) -> str:
    r"""Return text that every format can keep: lone surrogates and NUL become escapes.

    UTF-8 has no lone surrogates, and what SQLite and the tools around it make of text behind a
    NUL is undefined (https://www.sqlite.org/nulinstr.html).
    """
    if text.isprintable():
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")
