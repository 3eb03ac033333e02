"""What many accounts come to together, in constant memory."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field

from ltx_async.alerts import Need, Observation, Thresholds
from ltx_async.models import Outcome

ENDING_WITHIN: Final = {f"{days}d": timedelta(days) for days in (1, 7, 30)}
"""Spans within which ending sign-ins are counted, by name; each includes the shorter ones."""


@define
class Figures:
    """Counts accounts by outcome and reason, and sums up their balances.

    Attributes:
        thresholds: when an account needs somebody.
        now: aware; the time from which remaining spans are counted.
        outcomes: accounts by outcome.
        needs: accounts by reason why they need somebody; one may have several.
        lowest: tokens of the account with the fewest, likewise.
        ending: accounts whose sign-in ends within a span of `ENDING_WITHIN`, or has ended.
    """

    thresholds: Thresholds
    now: datetime
    outcomes: Counter[Outcome] = field(factory=Counter, init=False)
    needs: Counter[Need] = field(factory=Counter, init=False)
    _sum: float | None = field(default=None, init=False)
    lowest: float | None = field(default=None, init=False)
    ending: Counter[str] = field(factory=Counter, init=False)

    @property
    def balance(self) -> float | None:
        """LTX tokens of all accounts together; None if none is known, or no number holds them."""
        return None if self._sum is None or not math.isfinite(self._sum) else self._sum

    def add(self, found: Observation) -> None:
        """Count one account."""
        self.outcomes[found.outcome] += 1
        attention = self.thresholds.attention(found, self.now)
        if attention is not None:
            self.needs.update(attention.reasons)
        if (balance := found.balance) is not None:
            self._sum = balance + (self._sum or 0)
            self.lowest = balance if self.lowest is None else min(balance, self.lowest)
        if (end := found.refresh_token_expires_at) is not None:
            left = end - self.now
            self.ending.update(name for name, span in ENDING_WITHIN.items() if left <= span)
