"""Those of many accounts that need somebody first, in bounded memory."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable

from attrs import define, field

from ltx_async.alerts import CROSSINGS, Attention, Need


@define
class MostUrgent:
    """Counts the accounts that need somebody, and keeps the most urgent ones.

    Attributes:
        limit: how many are kept.
        accounts: how many there are.
        reasons: how many accounts there are for each reason.
    """

    limit: int
    accounts: int = 0
    reasons: Counter[Need] = field(factory=Counter)
    _kept: list[Attention] = field(factory=list, init=False)

    @property
    def alerts(self) -> int:
        """How many thresholds are crossed."""
        return sum(self.reasons[need] for need in CROSSINGS)

    def count(self, reasons: Iterable[Need]) -> None:
        """Count an account without keeping it."""
        self.accounts += 1
        self.reasons.update(reasons)

    def add(self, attention: Attention) -> Attention | None:
        """Count an account, and return the one that is not kept any longer, if any."""
        self.count(attention.reasons)
        if len(self._kept) >= self.limit and not attention < self._kept[-1]:
            return attention
        insort(self._kept, attention)
        return self._kept.pop() if len(self._kept) > self.limit else None

    def kept(self) -> list[Attention]:
        """Return those that are kept, the most urgent first."""
        return [*self._kept]
