"""What a run has come to: counts that add up, and the exit status they mean."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from attrs import define, field

from ltx_async.alerts import Sighting, Thresholds
from ltx_async.cli.checking.urgent import MostUrgent
from ltx_async.cli.exits import ExitStatus
from ltx_async.models import Lookup, Outcome
from ltx_async.reasons import Reasons

if TYPE_CHECKING:
    from ltx_async.cli.checking.earlier import Earlier
    from ltx_async.monitor.figures import Figures

MOST_SHOWN: Final = 20
"""How many of the accounts that need somebody are listed on standard error."""
MOST_SAVED: Final = 100_000
"""How many of them the JSON summary has, so that a million of them fit into memory."""


@define
class Counts:
    """Counts lookups as they are delivered, and those that need somebody.

    input = ok + needs_reauth + not_found + invalid + failed + duplicate + pending, always.

    Attributes:
        input: entries taken from the input so far.
        duplicate: entries that were taken before.
        earlier: results of an earlier run among those that are counted.
        urgent: the accounts that need somebody.
        reasons: why lookups failed, those of the earlier run included.
        figures: what the accounts come to together; None where nobody asks for that.
    """

    thresholds: Thresholds = field(factory=Thresholds)
    input: int = 0
    duplicate: int = 0
    earlier: int = 0
    urgent: MostUrgent = field(factory=lambda: MostUrgent(MOST_SHOWN))
    reasons: Reasons = field(factory=Reasons)
    figures: Figures | None = None
    _outcomes: Counter[Outcome] = field(factory=Counter)

    def add(self, lookup: Lookup) -> None:
        """Count one lookup."""
        outcome = lookup.outcome
        self._outcomes[outcome] += 1
        if outcome is Outcome.FAILED:
            self.reasons.add(lookup.reason, lookup.email)
        if self.figures is not None:
            self.figures.add(Sighting.of(lookup))
        if self.thresholds.concern(outcome):
            attention = self.thresholds.attention(Sighting.of(lookup))
            if attention is not None:
                self.urgent.add(attention)

    def add_earlier(self, earlier: Earlier) -> None:
        """Count what an earlier run has recorded of an entry."""
        self._outcomes[earlier.outcome] += 1
        self.earlier += 1
        self.reasons.add(earlier.reason)
        if earlier.attention is not None:
            self.urgent.add(earlier.attention)
        elif earlier.needs:
            self.urgent.count(earlier.needs)

    def take_back(self, outcomes: Counter[Outcome] | None) -> int:
        """Stop counting results that could not be kept, None for all; they are pending again.

        Which accounts some of them were is not known any more, so that their needs stay.
        """
        if outcomes is None:
            outcomes, self.earlier = self._outcomes.copy(), 0
            self.urgent, self.reasons = MostUrgent(self.urgent.limit), Reasons()
        self._outcomes -= outcomes
        return outcomes.total()

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
        return ExitStatus.OK if well and not self.urgent.accounts else ExitStatus.ATTENTION
