"""What `watch` sees of an account, and what it says when that has changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

from attrs import frozen

from ltx_async.alerts import Need
from ltx_async.codec.identity import entry_key
from ltx_async.models import timestamp
from ltx_async.wording import inert

_ID_SIZE: Final = 8  # bytes; among a million accounts, two share an id with a chance of 1 in 10⁷


class Kind(StrEnum):
    """What a change is about; the names are those of `--json`."""

    NEW = "new"
    REMOVED = "removed"
    INVALID = "invalid"
    BROKEN = "broken"
    GONE = "gone"
    LOW_BALANCE = "low_balance"
    EXPIRING = "expiring"
    RECOVERED = "recovered"
    BALANCE = "balance"
    EXPIRY = "expiry"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    OUTAGE = "outage"
    OUTAGE_OVER = "outage_over"


ALERTS: Final = frozenset(
    {
        Kind.BROKEN,
        Kind.GONE,
        Kind.LOW_BALANCE,
        Kind.EXPIRING,
        Kind.RECOVERED,
        Kind.OUTAGE,
        Kind.OUTAGE_OVER,
    }
)
"""The kinds that somebody is to be told of."""


@frozen
class Change:
    """One thing that is different from the round before.

    Attributes:
        at: when it was seen, aware, UTC.
        kind: what it is about.
        text: the change in words, one line, without secrets.
        email: whose account; None where it concerns the service.
        before: the earlier figure or state; None where there is none.
        after: the present one, likewise.
        reason: why the account needs somebody; None where it does not.
        due_at: by when, aware, UTC; None where that has no date.
        balance: LTX tokens left; None where that is not known.
        threshold: the limit that was crossed: LTX tokens, or seconds before an end.
        reminder: whether the same was reported before.
    """

    at: datetime
    kind: Kind
    text: str
    email: str | None = None
    before: str | float | None = None
    after: str | float | None = None
    reason: Need | None = None
    due_at: datetime | None = None
    balance: float | None = None
    threshold: float | None = None
    reminder: bool = False

    @property
    def is_alert(self) -> bool:
        """Whether somebody is to be told of it."""
        return self.kind in ALERTS

    @property
    def line(self) -> str:
        """The change as one line for people, harmless on a terminal."""
        still = "still: " if self.reminder else ""
        told = f"{self.kind} {self.subject}: {still}{self.text}"
        return inert(f"{self.at:%Y-%m-%dT%H:%M:%SZ} {told}")

    @property
    def subject(self) -> str:
        """Who or what has changed."""
        return "service" if self.email is None else self.email

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        return {
            "at": timestamp(self.at),
            "change": self.kind.value,
            "alert": self.is_alert,
            "reminder": self.reminder,
            "email": self.email,
            "account": None if self.email is None else account_id(self.email),
            "reason": (self.reason or self.kind).value,
            "due_at": None if self.due_at is None else timestamp(self.due_at),
            "balance": self.balance,
            "threshold": self.threshold,
            "before": self.before,
            "after": self.after,
            "text": self.text,
        }


def account_id(email: str) -> str:
    """Return 16 hexadecimal digits that stand for an email, the same ones every time.

    They keep addresses out of dashboards. They are no secret: whoever guesses an
    address can compute them.
    """
    text = entry_key(email).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=_ID_SIZE).hexdigest()
