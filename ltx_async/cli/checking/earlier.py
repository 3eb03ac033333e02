"""Take the records of an earlier run into account: what is finished, and who needs somebody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from attrs import define, field

from ltx_async.alerts import Attention, Need, Thresholds
from ltx_async.cli.checking.urgent import MostUrgent
from ltx_async.inputs.seen import SeenEmails
from ltx_async.models import Outcome
from ltx_async.monitor.figures import Figures
from ltx_async.reasons import MOST_KINDS, OTHER, Reason
from ltx_async.results.usual_record import Brief

_REFUSED: Final = Outcome.INVALID  # a name, as there may be a million records
MOST_KEPT: Final = 1_000
"""How many accounts that need somebody are kept in full, as there may be a million."""


@define
class Earlier:
    """What an earlier run has recorded of one email.

    Attributes:
        outcome: what became of it.
        reason: why the lookup failed, where it did.
        needs: why the account needs somebody by now.
        attention: the same in full, where it is kept.
    """

    outcome: Outcome
    reason: Reason | None = None
    needs: tuple[Need, ...] = ()
    attention: Attention | None = None


@define
class EarlierResults:
    """Remembers what the records in the output of a resumed run say.

    Attributes:
        seen: is told of each email.
        thresholds: what to alert to, as of `now`, as a sign-in may be nearer its end by now.
        urgent: decides which accounts are kept in full.
        figures: is given each record; None where nobody asks for figures.
    """

    seen: SeenEmails[Earlier] = field(factory=SeenEmails)
    thresholds: Thresholds = field(factory=Thresholds)
    now: datetime = field(factory=lambda: datetime.now(UTC))
    urgent: MostUrgent = field(factory=lambda: MostUrgent(MOST_KEPT))
    figures: Figures | None = None
    _in_detail: dict[Attention, Earlier] = field(factory=dict, init=False)
    _in_brief: dict[tuple[Outcome, Reason | None, tuple[Need, ...]], Earlier] = field(
        factory=dict, init=False
    )
    _failures: set[Reason] = field(factory=set, init=False)

    def add(self, record: Brief) -> None:
        """Take one record."""
        if self.figures is not None:
            self.figures.add(record)
        outcome = record.outcome
        concerned = self.thresholds.concern(outcome)
        earlier = self._judged(record) if concerned else self._brief(outcome)
        self.seen.remember(record.email, earlier, refused=outcome is _REFUSED)

    def _told_apart(self, reason: Reason, email: str) -> Reason:
        """Return the one object kept for a reason, however many records have it."""
        kind = reason.kind(email)
        if kind not in self._failures and len(self._failures) >= MOST_KINDS:
            return OTHER
        self._failures.add(kind)
        return kind

    def _judged(self, record: Brief) -> Earlier:
        reason = None if record.reason is None else self._told_apart(record.reason, record.email)
        attention = self.thresholds.attention(record, self.now)
        if attention is None:
            return self._brief(record.outcome, reason)
        return self._kept(record.outcome, reason, attention)

    def _kept(self, outcome: Outcome, reason: Reason | None, attention: Attention) -> Earlier:
        too_many = self.urgent.add(attention)
        if too_many is attention:
            return self._brief(outcome, reason, attention.reasons)
        if too_many is not None and (other := self._in_detail.pop(too_many, None)) is not None:
            other.attention = None
        earlier = Earlier(outcome, reason, attention.reasons, attention)
        self._in_detail[attention] = earlier
        return earlier

    def _brief(
        self, outcome: Outcome, reason: Reason | None = None, needs: tuple[Need, ...] = ()
    ) -> Earlier:
        """Return the one object shared by all records that say the same."""
        key = outcome, reason, needs
        earlier = self._in_brief.get(key)
        if earlier is None:
            earlier = self._in_brief[key] = Earlier(outcome, reason, needs)
        return earlier
