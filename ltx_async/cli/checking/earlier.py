"""Take the records of an earlier run into account: what is finished, and what it alerts to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from attrs import define, field, frozen

from ltx_async.alerts import Alert, Thresholds
from ltx_async.inputs.seen import SeenEmails
from ltx_async.models import TOKEN_KEY, Account, Outcome
from ltx_async.reasons import MOST_KINDS, OTHER, Reason
from ltx_async.results.record import Record

_SHOWN_AT_MOST: Final = 1_000


@frozen
class Earlier:
    """What an earlier run has recorded of one email.

    Attributes:
        outcome: what became of it.
        alerts: how many alerts its account raises by now.
        shown: those of them that are kept to be shown.
        reason: why the lookup failed, where it did.
    """

    outcome: Outcome
    alerts: int = 0
    shown: tuple[Alert, ...] = ()
    reason: Reason | None = None


_UNALARMING: Final = {outcome: Earlier(outcome) for outcome in Outcome}


@define
class EarlierResults:
    """Remembers what the records in the output of a resumed run say.

    Attributes:
        seen: is told of each email.
        thresholds: what to alert to, as of `now`: a sign-in may have got nearer its end.
    """

    seen: SeenEmails[Earlier] = field(factory=SeenEmails)
    thresholds: Thresholds = field(factory=Thresholds)
    now: datetime = field(factory=lambda: datetime.now(UTC))
    _shown: int = field(default=0, init=False)
    _failed: dict[Reason, Earlier] = field(factory=dict, init=False)

    def add(self, record: Record) -> None:
        """Take one record."""
        if (reason := record.reason) is not None:
            earlier = self._failure(reason.kind(record.email))
        else:
            earlier = self._judged(record) if self.thresholds else _UNALARMING[record.outcome]
        refused = record.outcome is Outcome.INVALID
        self.seen.remember(record.email, earlier, refused=refused)

    def _failure(self, reason: Reason) -> Earlier:
        """Keep a reason once, however many records have it."""
        if reason not in self._failed and len(self._failed) >= MOST_KINDS:
            reason = OTHER
        return self._failed.setdefault(reason, Earlier(Outcome.FAILED, reason=reason))

    def _judged(self, record: Record) -> Earlier:
        account = Account(
            balance={TOKEN_KEY: record.balance},
            token_expires_at=record.token_expires_at,
            refresh_token_expires_at=record.refresh_token_expires_at,
        )
        alerts = tuple(self.thresholds.alerts(record.email, account, self.now))
        if not alerts:
            return _UNALARMING[record.outcome]
        return Earlier(record.outcome, len(alerts), self._to_be_shown(alerts))

    def _to_be_shown(self, alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
        """Keep the texts of the first ones only: there may be a million."""
        self._shown += len(alerts)
        return alerts if self._shown <= _SHOWN_AT_MOST else ()
