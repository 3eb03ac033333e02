"""Take the records of an earlier run into account: what is finished, and what it alerts to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import define, field, frozen

from ltx_async.cli.alerts import Alert, Thresholds
from ltx_async.cli.duplicates import Earlier, SeenEmails
from ltx_async.codec.accounts import structure_account
from ltx_async.models import TOKEN_KEY, Account, Outcome

_SHOWN_AT_MOST: Final = 1_000
_UNALARMING: Final = {outcome: Earlier(outcome) for outcome in Outcome}


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


@define
class EarlierRecords:
    """Collects the records that a resumed run finds in its output.

    Attributes:
        seen: is told of each email.
        thresholds: what to alert to, as of `now`: a sign-in may have got nearer its end.
        count: records so far.
        repaired: whether the last one was torn, and cut off.
    """

    seen: SeenEmails = field(factory=SeenEmails)
    thresholds: Thresholds = field(factory=Thresholds)
    now: datetime = field(factory=lambda: datetime.now(UTC))
    count: int = 0
    repaired: bool = False
    _shown: int = field(default=0, init=False)

    def add(self, finished: Finished) -> None:
        """Take one record."""
        self.count += 1
        earlier = _UNALARMING[finished.outcome]
        if self.thresholds and finished.wire is not None:
            earlier = self._judged(finished, finished.wire)
        self.seen.remember(finished.email, earlier)

    def _judged(self, finished: Finished, wire: Mapping[str, Any]) -> Earlier:
        account = structure_account(dict(wire))
        if not isinstance(account, Account):
            return _UNALARMING[finished.outcome]
        alerts = tuple(self.thresholds.alerts(finished.email, account, self.now))
        return Earlier(finished.outcome, len(alerts), self._to_be_shown(alerts))

    def _to_be_shown(self, alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
        """Keep the texts of the first ones only: there may be a million."""
        self._shown += len(alerts)
        return alerts if self._shown <= _SHOWN_AT_MOST else ()
