"""What `watch` sees of an account, and what it says when that has changed."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

from attrs import frozen

from ltx_async import alerts
from ltx_async.alerts import Need, Thresholds
from ltx_async.codec.identity import entry_key
from ltx_async.models import Lookup, Outcome, timestamp, trouble_of
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
        text: the same for people, one line, no secrets.
        email: whose account; None where it concerns the service.
        before: the earlier figure or state; None where there is none.
        after: the present one, likewise.
    """

    at: datetime
    kind: Kind
    text: str
    email: str | None = None
    before: str | float | None = None
    after: str | float | None = None

    @property
    def is_alert(self) -> bool:
        """Whether somebody is to be told of it."""
        return self.kind in ALERTS

    @property
    def line(self) -> str:
        """The change as one line for people, harmless on a terminal."""
        return inert(f"{self.at:%Y-%m-%dT%H:%M:%SZ} {self.kind} {self.subject}: {self.text}")

    @property
    def subject(self) -> str:
        """Who or what has changed."""
        return "service" if self.email is None else self.email

    def as_json(self) -> str:
        """Return the change as one line of ASCII JSON, without a line end."""
        fields: dict[str, Any] = {
            "at": timestamp(self.at),
            "change": self.kind.value,
            "alert": self.is_alert,
            "email": self.email,
            "account": None if self.email is None else account_id(self.email),
            "text": self.text,
            "before": self.before,
            "after": self.after,
        }
        return json.dumps(fields)


def account_id(email: str) -> str:
    """Return 16 hexadecimal digits that stand for an email, the same ones every time.

    They keep addresses out of dashboards. They are no secret: whoever guesses an
    address can compute them.
    """
    text = entry_key(email).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=_ID_SIZE).hexdigest()


@frozen
class Sighting:
    """What one round showed of one email.

    Attributes:
        email: the address as it was given.
        outcome: what became of the lookup.
        at: when that was known, aware, UTC.
        trouble: what is wrong; None if nothing is.
        balance: LTX Studio tokens left; None where the reply did not say.
        token_expires_at: end of the access token, likewise.
        refresh_token_expires_at: end of the sign-in, likewise.
        low_balance: why the balance is an alert; None where it is none.
        expiring: likewise, the end of the sign-in.
    """

    email: str
    outcome: Outcome
    at: datetime
    trouble: str | None = None
    balance: float | None = None
    token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    low_balance: str | None = None
    expiring: str | None = None

    @classmethod
    def of(cls, lookup: Lookup, thresholds: Thresholds) -> Sighting:
        """Keep of a lookup what can change."""
        email, now, account = lookup.email, lookup.checked_at, lookup.account
        if account is None:
            return cls(email, lookup.outcome, now, trouble_of(lookup))
        found = alerts.Sighting.of(lookup)
        told = {alert.reason: alert.text for alert in thresholds.alerts(found, now)}
        return cls(
            email,
            lookup.outcome,
            now,
            trouble_of(lookup),
            balance=account.token_balance,
            token_expires_at=account.token_expires_at,
            refresh_token_expires_at=account.refresh_token_expires_at,
            low_balance=told.get(Need.LOW_BALANCE),
            expiring=told.get(Need.SIGN_IN_ENDS) or told.get(Need.ACCESS_TOKEN_ENDS),
        )

    @property
    def knows_expiry(self) -> bool:
        """Whether the reply said when anything ends."""
        return (self.token_expires_at or self.refresh_token_expires_at) is not None
