"""The number of requests under way that is learned from refusals; pure: times are passed in."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from ltx_async.engine.pace.rate import Cycle

_CONFIRMED: Final = 10  # times as much evidence is needed against what was confirmed


@define(eq=False)
class Cap:
    """Requests that a server seems to let be under way at a time, if it limits that at all.

    It does if some of the requests under way are served while another is refused: those it
    serves are its limit. The cap is probed, by one more at first, and is raised to what is
    accepted above it often. A refusal that a cap cannot explain disproves it for good, and so
    does one that the pace explains as well where more than the cap was accepted before.

    Attributes:
        limit: requests at a time; None while nothing speaks for a limit.
    """

    limit: int | None = None
    _disproved: bool = field(init=False, default=False)
    _confirmed: bool = field(init=False, default=False)
    _raised: bool = field(init=False, default=False)
    _lowered: bool = field(init=False, default=False)
    _probes_at: float = field(init=False, default=0.0)
    _pause: float = field(init=False, default=0.0)
    _step: int = field(init=False, default=1)
    _above: int = field(init=False, default=0)

    def window(self, now: float) -> int | None:
        """Return how many may be under way now; None for any number."""
        if self.limit is None:
            return None
        return self.limit + self._step if now >= self._probes_at else self.limit

    def accepted(self, now: float, sent_at: float, under_way: int) -> None:
        """Note that a request was accepted while so many were under way."""
        if self.limit is None or under_way <= self.limit or sent_at < self._probes_at:
            return
        self._above += 1
        often = max(5, self.limit) * (_CONFIRMED if self._confirmed else 1)
        if self._above >= often:
            if self._raised and not self._confirmed:
                self._disprove()
                return
            self.limit += self._step
            self._step *= 2
            self._above, self._probes_at = 0, now
            self._raised, self._lowered = True, False

    def explains(self, cycle: Cycle, now: float) -> bool:
        """Learn from a cycle, and tell whether the cap is why it ended, and no pace."""
        if self._disproved:
            return False
        served = cycle.alongside - cycle.refused
        if cycle.polls or (served < 1 and not cycle.paced):
            return self._disprove()
        if self.limit is None:
            if served < 1:
                return self._disprove()
            self.limit, self._probes_at = served, now + 2.0
            self._pause = 20 * cycle.closed_for(now)
            return False
        full = cycle.alongside > self.limit
        if not full and cycle.paced and not (self._confirmed and cycle.alongside == self.limit):
            return False
        if full and cycle.paced and self._raised and not self._confirmed:
            return self._disprove()
        if not full:
            if served >= self.limit or self._lowered:
                return self._disprove()
            self.limit = max(1, served)
        self._lowered = not full
        self._confirmed |= not cycle.paced
        self._step, self._above = 1, 0
        self._probes_at, self._pause = now + self._pause, 2 * self._pause
        return True

    def _disprove(self) -> bool:
        self._disproved, self.limit = True, None
        return False
