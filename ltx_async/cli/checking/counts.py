"""What a run has come to: counts that add up, and the exit status they mean."""

from __future__ import annotations

from collections import Counter
from typing import Final

from attrs import define, field

from ltx_async.alerts import Alert, Thresholds
from ltx_async.cli.checking.earlier import Earlier
from ltx_async.cli.exits import ExitStatus
from ltx_async.models import Lookup, Outcome
from ltx_async.reasons import Reasons

_ALERTS_KEPT: Final = 20


@define
class Counts:
    """Counts lookups as they are delivered, and raises alerts.

    input = ok + needs_reauth + not_found + invalid + failed + duplicate + pending, always.

    Attributes:
        input: entries taken from the input so far.
        duplicate: entries that were taken before.
        earlier: results of an earlier run among those that are counted.
        alerts: how many there were.
        first_alerts: the first few of them, to be shown.
        reasons: why lookups failed, those of the earlier run included.
    """

    thresholds: Thresholds = field(factory=Thresholds)
    input: int = 0
    duplicate: int = 0
    earlier: int = 0
    alerts: int = 0
    first_alerts: list[Alert] = field(factory=list)
    reasons: Reasons = field(factory=Reasons)
    _outcomes: Counter[Outcome] = field(factory=Counter)

    def add(self, lookup: Lookup) -> None:
        """Count one lookup."""
        self._outcomes[lookup.outcome] += 1
        self.reasons.add(lookup.reason, lookup.email)
        if lookup.account is None or not self.thresholds:
            return
        alerts = tuple(self.thresholds.alerts(lookup.email, lookup.account, lookup.checked_at))
        self._alert(len(alerts), alerts)

    def add_earlier(self, earlier: Earlier) -> None:
        """Count what an earlier run has recorded of an entry."""
        self._outcomes[earlier.outcome] += 1
        self.earlier += 1
        self.reasons.add(earlier.reason)
        self._alert(earlier.alerts, earlier.shown)

    def take_back(self, outcomes: Counter[Outcome] | None) -> int:
        """Stop counting results that could not be kept, None for all; they are pending again."""
        if outcomes is None:
            outcomes, self.earlier = self._outcomes.copy(), 0
        self._outcomes -= outcomes
        return outcomes.total()

    def _alert(self, number: int, shown: tuple[Alert, ...]) -> None:
        self.alerts += number
        self.first_alerts += shown[: _ALERTS_KEPT - len(self.first_alerts)]

    @property
    def delivered(self) -> int:
        """Entries that have a result, of this run or an earlier one."""
        return self._outcomes.total()

    @property
    def done(self) -> int:
        """Entries that need nothing more: results and duplicates."""
        return self.delivered + self.duplicate

    @property
    def pending(self) -> int:
        """Entries without a result."""
        return self.input - self.done

    def by_name(self) -> dict[str, int]:
        """Return every count of the sum by name, in order, without the input itself."""
        outcomes = {outcome.value: self._outcomes[outcome] for outcome in Outcome}
        return {**outcomes, "duplicate": self.duplicate, "pending": self.pending}

    @property
    def exit_status(self) -> ExitStatus:
        """The exit status of a run that came to its end."""
        well = self._outcomes[Outcome.OK] == self.delivered
        return ExitStatus.OK if well and not self.alerts else ExitStatus.ATTENTION
