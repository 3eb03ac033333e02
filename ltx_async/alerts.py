"""Which accounts need somebody, and by when: one notion for every place that shows it.

It depends on thresholds and on the clock, so it is computed where it is shown, and never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol, Self

from attrs import field, frozen

from ltx_async.models import Lookup, Outcome, timestamp, trouble_of
from ltx_async.wording import counted_from, number

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Need(StrEnum):
    """Why an account needs somebody, the most urgent reason first; the names are those of JSON."""

    SIGN_IN_AGAIN = "sign_in_again"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    FAILED = "failed"
    LOW_BALANCE = "low_balance"
    SIGN_IN_ENDS = "sign_in_ends"
    ACCESS_TOKEN_ENDS = "access_token_ends"  # noqa: S105 - no password


_RANKS: Final = {need: rank for rank, need in enumerate(Need)}
_OF_OUTCOMES: Final = {
    Outcome.NEEDS_REAUTH: (Need.SIGN_IN_AGAIN, "sign in again"),
    Outcome.NOT_FOUND: (Need.NOT_FOUND, "not found"),
    Outcome.INVALID: (Need.INVALID, "invalid email"),
    Outcome.FAILED: (Need.FAILED, "lookup failed"),
}
_WELL: Final = Outcome.OK  # a name, as there may be a million accounts
CROSSINGS: Final = frozenset(Need) - {need for need, _ in _OF_OUTCOMES.values()}
"""The reasons that are thresholds; the others are outcomes."""


class Observation(Protocol):
    """What was found out about one email: a `Sighting`, or a record of results."""

    @property
    def email(self) -> str: ...  # noqa: D102 - as in `Sighting`
    @property
    def outcome(self) -> Outcome: ...  # noqa: D102
    @property
    def checked_at(self) -> datetime: ...  # noqa: D102
    @property
    def error(self) -> str | None: ...  # noqa: D102
    @property
    def balance(self) -> float | None: ...  # noqa: D102
    @property
    def token_expires_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def refresh_token_expires_at(self) -> datetime | None: ...  # noqa: D102


@frozen
class Sighting:
    """What one lookup showed, as far as somebody may be needed for it.

    Attributes:
        email: the address as it was given.
        outcome: what became of the lookup.
        checked_at: when that was known, aware, UTC.
        error: what is wrong; None if nothing is.
        balance: LTX tokens left; None where the reply did not say.
        token_expires_at: end of the access token, likewise.
        refresh_token_expires_at: end of the sign-in, likewise.
    """

    email: str
    outcome: Outcome
    checked_at: datetime
    error: str | None = None
    balance: float | None = None
    token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None

    @classmethod
    def of(cls, lookup: Lookup) -> Self:
        """Keep of a lookup what can change."""
        facts = lookup.email, lookup.outcome, lookup.checked_at, trouble_of(lookup)
        account = lookup.account
        if account is None:
            return cls(*facts)
        return cls(
            *facts,
            account.token_balance,
            account.token_expires_at,
            account.refresh_token_expires_at,
        )


@frozen
class Alert:
    """One reason why an account needs somebody.

    Attributes:
        reason: which.
        text: the same for people, one line.
        due_at: when it is to be done, aware, UTC: the end of the sign-in or access token, the time
            of the check for what is wrong already; None for a low balance.
        threshold: the limit that was crossed: LTX tokens, or seconds before an end; None
            for what is wrong whatever the limits are.
    """

    reason: Need
    text: str
    due_at: datetime | None = None
    threshold: float | None = None


@frozen
class Attention:
    """An account that needs somebody.

    Attributes:
        email: whose it is, as it was given.
        alerts: why, the most urgent first; never empty.
        balance: LTX tokens left; None where that is not known.
    """

    email: str
    alerts: tuple[Alert, ...]
    balance: float | None = None

    @property
    def reasons(self) -> tuple[Need, ...]:
        """Why, the most urgent first."""
        return tuple(alert.reason for alert in self.alerts)

    @property
    def due_at(self) -> datetime | None:
        """By when: the earliest of its alerts; None where none has a date."""
        return min((alert.due_at for alert in self.alerts if alert.due_at), default=None)

    @property
    def text(self) -> str:
        """Why, one line for people."""
        return "; ".join(alert.text for alert in self.alerts)

    @property
    def urgency(self) -> tuple[bool, datetime, int, datetime, str]:
        """What sorts the most urgent first: by day, within a day by reason, without a date last.

        The end of an access token comes after all, as the service normally renews it.
        """
        first = self.alerts[0]
        renewed = first.reason is Need.ACCESS_TOKEN_ENDS
        dates = (one.due_at for one in self.alerts if one.reason is not Need.ACCESS_TOKEN_ENDS)
        due = first.due_at if renewed else min(filter(None, dates), default=None)
        due = due or _NEVER
        today = due.replace(hour=0, minute=0, second=0, microsecond=0)
        return renewed, today, _RANKS[first.reason], due, self.email

    def __lt__(self, other: Attention) -> bool:
        return self.urgency < other.urgency

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        due_at = self.due_at
        return {
            "email": self.email,
            "reasons": [reason.value for reason in self.reasons],
            "due_at": None if due_at is None else timestamp(due_at),
            "balance": self.balance,
            "text": self.text,
        }


def _limits(spans: timedelta | Iterable[timedelta] | None) -> tuple[timedelta, ...]:
    if spans is None or isinstance(spans, timedelta):
        return () if spans is None else (spans,)
    return tuple(sorted(set(spans), reverse=True))


@frozen
class Thresholds:
    """What an account must not fall below.

    Attributes:
        min_balance: least LTX tokens; None asks for nothing, and an unknown balance raises
            no alert.
        expires_within: how long before the end of a sign-in somebody is to be told, the longest
            first; one span will do, and none asks for nothing.
    """

    min_balance: float | None = None
    expires_within: tuple[timedelta, ...] = field(default=(), converter=_limits)

    def __bool__(self) -> bool:
        return self.min_balance is not None or bool(self.expires_within)

    def concern(self, outcome: Outcome) -> bool:
        """Whether an account of this outcome may need somebody."""
        return outcome is not _WELL or bool(self)

    def attention(self, found: Observation, now: datetime | None = None) -> Attention | None:
        """Say why an account needs somebody; None where it does not.

        Args:
            found: what is known of it.
            now: aware; the time of the check for None.
        """
        if not self.concern(found.outcome):
            return None
        alerts = sorted(self.alerts(found, now or found.checked_at), key=_rank)
        return Attention(found.email, tuple(alerts), found.balance) if alerts else None

    def alerts(self, found: Observation, now: datetime) -> Iterator[Alert]:
        """Return every reason why an account needs somebody, as of `now` (aware)."""
        if found.outcome in _OF_OUTCOMES:
            need, text = _OF_OUTCOMES[found.outcome]
            yield Alert(need, _with_trouble(text, found.error), found.checked_at)
        balance = found.balance
        if self.min_balance is not None and balance is not None and balance < self.min_balance:
            text = f"balance {number(balance)} is below {number(self.min_balance)}"
            yield Alert(Need.LOW_BALANCE, text, None, self.min_balance)
        yield from self._ends(found, now)

    def _ends(self, found: Observation, now: datetime) -> Iterator[Alert]:
        need, what, end = Need.SIGN_IN_ENDS, "sign-in", found.refresh_token_expires_at
        if end is None:
            need, what, end = Need.ACCESS_TOKEN_ENDS, "access token", found.token_expires_at
        if end is None or not any(end - now <= limit for limit in self.expires_within):
            return
        crossed = min(limit for limit in self.expires_within if end - now <= limit)
        verb = "ends" if end > now else "ended"
        text = f"{what} {verb} {counted_from(now, end)}"
        if need is Need.ACCESS_TOKEN_ENDS:
            text += " (normally renewed by the service; end of the sign-in unknown)"
        yield Alert(need, text, end, crossed.total_seconds())


def _rank(alert: Alert) -> int:
    return _RANKS[alert.reason]


def _with_trouble(text: str, trouble: str | None) -> str:
    return text if not trouble else f"{text}: {trouble}"
