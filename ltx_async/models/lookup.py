"""`Lookup` and `Outcome`: what became of one email."""

from __future__ import annotations

from copy import copy
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from ltx_async.errors import LTXError
from ltx_async.models.account import NOTHING_KNOWN, Account, Value, fault_of, figures_of
from ltx_async.models.drafts import Referable, draft_of
from ltx_async.models.moments import timestamp
from ltx_async.reasons import Reason


class Outcome(StrEnum):
    """What became of one email."""

    OK = "ok"
    NEEDS_REAUTH = "needs_reauth"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    FAILED = "failed"


# The property `value` of an enumeration costs as much as three attributes.
_WORDS: Final = {outcome: outcome.value for outcome in Outcome}


@frozen
class Lookup(Referable):
    """What one position of the input led to.

    Exactly one of `account` and `error` is set: `account` when the reply was one. A pickle of
    it holds the cookie of the account and all that came: treat it as a secret, or send
    `to_record()`, which leaves these out.

    Attributes:
        index: position in the input, from 0.
        email: the address as it was given; what is no text, such as a blank
            of pandas, as its digits or its type.
        outcome: what became of it.
        account: the account of an `ok` or `needs_reauth` reply.
        error: why there is no account.
        status: HTTP status of the last reply, None where none came.
        attempts: how often it was tried, retries and throttles included.
        elapsed: seconds from the first attempt to the result, waits included.
        checked_at: when the result was known, aware, UTC.
        base_url: the base URL that was asked; None where nothing was sent.
    """

    index: int
    email: str
    outcome: Outcome
    account: Account | None
    error: LTXError | None
    status: int | None
    attempts: int
    elapsed: float
    checked_at: datetime
    base_url: str | None = None

    def unwrap(self) -> Account:
        """Return the account, broken ones included.

        Raises:
            LTXError: a copy of the error of this lookup, where there is no account. The
                error itself gets no traceback, which would keep all that its frames hold.
        """
        if self.account is None:
            assert self.error is not None
            raise copy(self.error)
        return self.account

    def to_record(self) -> dict[str, Any]:
        """Return the JSON object that `check` writes as a line; secrets are left out or masked.

        `docs/data.md` says what its fields mean, `results/record.schema.json` what they hold.
        """
        return {
            "email": self.email,
            "outcome": _WORDS[self.outcome],
            "status": self.status,
            "attempts": self.attempts,
            "elapsed_ms": round(self.elapsed * 1000, 1),
            "checked_at": timestamp(self.checked_at),
            "base_url": self.base_url,
            "account": None if self.account is None else self.account.to_wire(),
            "error": None if self.error is None else _error_of(self.error),
        }

    @property
    def reason(self) -> Reason | None:
        """Why the lookup failed, as `Stats.reasons` counts it; None for every other outcome."""
        if self.error is None or self.outcome is not Outcome.FAILED:
            return None
        error = self.error
        return Reason(type(error).__name__, self.status, error.message, error.hint)

    def to_row(self) -> dict[str, Value]:
        """Return one flat row for a table or a data frame: the columns of `check -o OUT.csv`.

        Moments are aware datetimes in UTC, numbers are numbers, and there is no cookie.
        """
        row = {
            "email": self.email,
            "outcome": _WORDS[self.outcome],
            "status": self.status,
            **figures_of(self.account or NOTHING_KNOWN),
            "attempts": self.attempts,
            "elapsed_ms": round(self.elapsed * 1000, 1),
            "checked_at": self.checked_at,
            "base_url": self.base_url,
        }
        if self.error is not None:
            row["error_type"], row["error"] = type(self.error).__name__, self.error.message
        return row


LookupDraft: type[Lookup] = draft_of(Lookup)


def outcome_of(account: Account) -> Outcome:
    """Return what becomes of an email whose account is known."""
    return Outcome.NEEDS_REAUTH if account.needs_reauth else Outcome.OK


def trouble_of(lookup: Lookup) -> str | None:
    """Return what is wrong in a line: the error, or a broken account's own; None if nothing."""
    if lookup.error is not None:
        return lookup.error.message
    return None if lookup.account is None else fault_of(lookup.account)


def _error_of(error: LTXError) -> dict[str, str | None]:
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "ray": getattr(error, "ray", None),
    }
