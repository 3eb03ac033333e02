"""One result as a row, made of a JSONL record or of the cells of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Final

from attrs import define, field, frozen

from ltx_async.codec.accounts import structure_account
from ltx_async.models import TOKEN_KEY, Account, Outcome

_LAST_YEAR: Final = 9000  # of a clock; calendars go on from there, and Python's end in 9999


class UnusableRecordError(ValueError):
    """A record without an email, of an unknown outcome, or with a field of a wrong type."""


@frozen
class Row:
    """What a run found out about one email; None where the results do not say.

    Attributes:
        email: the address as it was given.
        outcome: what became of it.
        checked_at: when, aware, UTC.
        attempts: requests that were sent.
        elapsed_ms: milliseconds from the first attempt to the result, waits included.
        balance: LTX Studio tokens left.
        token_expires_at: end of the access token, renewed by the service.
        refresh_token_expires_at: end of the sign-in; then a person is needed.
        trouble: what is wrong, in the words of the error or of the account.
    """

    email: str
    outcome: Outcome
    checked_at: datetime
    attempts: int = 0
    elapsed_ms: float | None = None
    balance: float | None = None
    token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    trouble: str | None = None


def row_of_record(record: Any) -> Row:
    """Make a row of a decoded JSONL record; unknown fields are no matter.

    Raises:
        UnusableRecordError: it is no record of a lookup.
    """
    if not isinstance(record, dict):
        raise UnusableRecordError
    account = _account(record.get("account"))
    error = record.get("error")
    message = error.get("message") if isinstance(error, dict) else account.error
    return Row(
        email=_text(record.get("email")),
        outcome=_outcome(record.get("outcome")),
        checked_at=_checked_at(record.get("checked_at")),
        attempts=int(_number(record.get("attempts")) or 0),
        elapsed_ms=_number(record.get("elapsed_ms")),
        balance=_number(account.token_balance),
        token_expires_at=account.token_expires_at,
        refresh_token_expires_at=account.refresh_token_expires_at,
        trouble=None if message is None else _text(message),
    )


def row_of_cells(cells: Mapping[str, Any]) -> Row:
    """Make a row of a table's cells by column; an empty cell says nothing, as a missing one.

    Raises:
        UnusableRecordError: it is no record of a lookup.
    """
    known = {name: cell for name, cell in cells.items() if cell not in (None, "")}
    return Row(
        email=_text(known.get("email", "")),
        outcome=_outcome(known.get("outcome")),
        checked_at=_checked_at(known.get("checked_at")),
        attempts=int(_number(known.get("attempts")) or 0),
        elapsed_ms=_number(known.get("elapsed_ms")),
        balance=_number(known.get("balance")),
        token_expires_at=_optional_moment(known.get("token_expires_at")),
        refresh_token_expires_at=_optional_moment(known.get("refresh_token_expires_at")),
        trouble=_text(known["error"]) if "error" in known else None,
    )


def _account(wire: Any) -> Account:
    if wire is None:
        return Account()
    account = structure_account(wire) if isinstance(wire, dict) else None
    if not isinstance(account, Account):
        raise UnusableRecordError
    return account


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UnusableRecordError
    return value


def _outcome(value: Any) -> Outcome:
    try:
        return Outcome(value)
    except ValueError:
        raise UnusableRecordError from None


def _number(value: Any) -> float | None:
    """Return a finite number, whole ones of 64 bits exactly; CSV holds it as text."""
    if value is None:
        return None
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise UnusableRecordError from None
    if not math.isfinite(number):
        raise UnusableRecordError
    is_whole = abs(number) < 1 << 63 and str(value).lstrip("-").isdecimal()
    return int(value) if is_whole else number


def _checked_at(value: Any) -> datetime:
    moment = _moment(value)
    if moment.year > _LAST_YEAR:
        raise UnusableRecordError
    return moment


def _optional_moment(value: Any) -> datetime | None:
    return None if value is None else _moment(value)


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:  # a torn one may have lost its zone
            return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        pass
    raise UnusableRecordError


@define
class EarlierRecords:
    """Counts the records that are found in an output which is continued, and hands them on.

    Attributes:
        on_record: is given each of them.
        count: records so far.
        repaired: whether the last one was torn, and cut off.
    """

    on_record: Callable[[Finished], None] = lambda _: None
    count: int = field(default=0, init=False)
    repaired: bool = field(default=False, init=False)

    def add(self, finished: Finished) -> None:
        """Take one record."""
        self.count += 1
        self.on_record(finished)


@frozen
class Finished:
    """One record of an earlier run.

    Attributes:
        email: as it was written, without what only a format needs.
        outcome: what became of it.
        wire: of its account what alerts are about, as the API names it; None without one.
    """

    email: str
    outcome: Outcome
    wire: Mapping[str, Any] | None = None


def wire_of_cells(balance: Any, token_expires: Any, refresh_expires: Any) -> dict[str, Any]:
    """Return what the columns of a table tell of an account, as the API names it."""
    return {
        "balance": None if balance is None else {TOKEN_KEY: balance},
        "tokenExpireUTC": token_expires,
        "refreshTokenExpireUTC": refresh_expires,
    }


_LONGEST_LINE: Final = 4 << 20  # an account of 1 MiB, escaped, fits


class Flaw(Enum):
    """What stands where a row should be."""

    UNUSABLE = auto()
    TORN = auto()


Item = Row | Flaw


def _flaw_of(line: bytes) -> Flaw:
    return Flaw.UNUSABLE if line.endswith(b"\n") else Flaw.TORN
