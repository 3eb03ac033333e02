"""The pace that is learned from refusals, where nobody has set one; pure: times are passed in.

A *cycle* begins when the gate opens and ends with the first acceptance after the next
refusal. What it brought bounds the unknown limit from both sides:

- the *floor*: accepted / (open + closed) seconds is never above a bucket's or a window's
  rate, and neither is (accepted - burst) / open, the burst being the least that was ever
  accepted in one cycle;
- the *ceiling*: the pace that was refused.

The next cycle starts at the floor and rises to a plateau near the ceiling, along the cubic
of CUBIC (RFC 9438 4.2, applied to the pace's logarithm), and leaves it upwards as slowly, then
ever faster. Where CUBIC counts in round trips, this counts in what a refusal costs: so probing
takes about a twentieth of the time, however a server treats those whom it refuses.
"""

from __future__ import annotations

import math
from typing import Final

from attrs import define, field

_PROBING: Final = 18.0  # the plateau is reached after 18 times what the last refusal cost
_REQUESTS: Final = 150.0  # and not before 150 requests for each refusal
_RISE: Final = 0.08  # how far the pace's logarithm rises above the plateau in that time
_LEAST_RISE: Final = 0.02  # bounds of how far below the plateau a cycle begins, likewise
_MOST_RISE: Final = 0.35
# The plateau as a share of the pace that was refused
_NEAR: Final = 0.975  # after the pace had been kept for long
_STATED: Final = 0.985  # where the server states the limit
_CREDIBLE: Final = 0.1  # requests that it allows by the time at which one is accepted
_BELOW: Final = 0.85  # where the pace was still doubling
_EASED: Final = 0.975  # after a refusal that is forgiven
_EASED_EARLY: Final = 0.95  # and the pace has not been kept for long
_UNDISTURBED: Final = 300.0  # requests until the pace rises again after one
_FEW: Final = 10  # so few requests say nothing yet
_DOUBLING: Final = 0.5  # seconds in which the pace doubles, while nothing is known
_FIRST: Final = 1.0  # requests per second, unless more were accepted
_FIRST_SOON: Final = 4.0  # the same after a short refusal, divided by its seconds
_SLOWEST, _FASTEST = 1e-3, 1e6  # requests per second
SHORTEST: Final = 1e-3  # seconds; a cycle that was shorter was one burst


@define(eq=False)
class Cycle:
    """What came of one opening of the gate.

    Attributes:
        opened_at: when its first request was accepted.
        accepted: replies since that were no refusal.
        closed_at: when the first refusal came; None before it.
        refused: refusals since, of requests that were under way together.
        polls: refusals of single requests that were sent to see whether the gate may open.
        alongside: requests under way when the first refusal came, the refused one included.
        paced: whether the pace held the client back then, not a cap or a lack of work.
        lately: requests per second that were sent just before it.
    """

    opened_at: float
    accepted: int = 0
    closed_at: float | None = None
    refused: int = 0
    polls: int = 0
    alongside: int = 0
    paced: bool = False
    lately: float = math.inf

    def open_for(self) -> float:
        """Return the seconds until the first refusal."""
        assert self.closed_at is not None
        return max(SHORTEST, self.closed_at - self.opened_at)

    def closed_for(self, now: float) -> float:
        """Return the seconds since the first refusal."""
        assert self.closed_at is not None
        return max(SHORTEST, now - self.closed_at)


@define(eq=False)
class Pace:
    """Requests per second that a server seems to allow.

    Attributes:
        rate: the pace at the moment.
        doubling: whether nothing is known yet but the floor, so that the pace doubles.
    """

    rate: float
    doubling: bool = True
    _burst: float = field(init=False, default=math.inf)
    _cost: float = field(init=False, default=1.0)
    _age: float = field(init=False, default=0.0)
    _plateau: float = field(init=False, default=0.0)
    _plateau_at: float = field(init=False, default=1.0)
    _rise: float = field(init=False, default=_RISE)

    @classmethod
    def after(cls, cycle: Cycle, now: float, stated: float | None = None) -> Pace:
        """Make the pace after the first refusal, from a stated limit or from what was accepted."""
        pace = cls(_SLOWEST)
        pace._note(cycle, now)
        first = max(_FIRST, min(_FIRST_SOON, _FIRST_SOON / pace._cost))
        pace.rate = max(first, _bounded(cycle.accepted / (cycle.open_for() + pace._cost)))
        if stated is not None and pace._is_credible(stated):
            pace._settle(_NEAR * stated, _bounded(_STATED * stated), 1 + cycle.polls)
        return pace

    def grow(self, seconds: float, round_trip: float) -> None:
        """Let the pace rise for `seconds` in which it was what held the client back."""
        self._age += seconds
        if not self.doubling:
            since = self._age / self._plateau_at - 1
            if since < 2:
                bend = self._rise if since < 0 else _RISE
                self.rate = _bounded(self._plateau * math.exp(bend * since**3))
                return
            self.doubling = True
        self.rate = _bounded(self.rate * self._doubled(seconds, round_trip))

    def met(self, ago: float, round_trip: float) -> None:
        """Take back what the pace rose since the refused request was sent, `ago` seconds."""
        if self.doubling:
            self.rate = _bounded(self.rate / self._doubled(ago, round_trip))

    def ease(self) -> None:
        """Fall a little after a refusal that is forgiven, and stay there for a while."""
        eased = _EASED if self._age > self._plateau_at else _EASED_EARLY
        self.doubling, self._age, self._rise = False, 0.0, _RISE
        self._plateau = _bounded(eased * max(self.rate, self._plateau))
        self._plateau_at = _UNDISTURBED / self._plateau
        self.rate = _bounded(self._plateau * math.exp(-self._rise))

    def learn(
        self, cycle: Cycle, now: float, round_trip: float, stated: float | None = None
    ) -> None:
        """Set the course of the next cycle by the bounds that this one gave.

        Args:
            cycle: what came of the gate's last opening.
            now: when a request was accepted again.
            round_trip: seconds that a request takes at least.
            stated: the limit that the server names; it is kept to, unless keeping to it
                was refused, as where others share it, or the server belies it.
        """
        late = not self.doubling and self._age > self._plateau_at
        self._note(cycle, now)
        open_for, cost = cycle.open_for(), self._cost
        ceiling = self.rate
        if stated is not None and ceiling > stated and self._is_credible(stated):
            self._age = 0.0
            self._settle(_NEAR * stated, _bounded(_STATED * stated), 1 + cycle.polls)
            return
        accepted = max(1, cycle.accepted)
        floor = max(accepted / (open_for + cost), (accepted - self._burst) / open_for)
        floor = max(floor, 0.5 / cost)  # one was accepted after that wait: so much is allowed
        if not cycle.paced:
            ceiling = min(ceiling, max(cycle.lately, floor))
        elif self.doubling:
            floor = max(floor, self._doubling_floor(accepted, round_trip))
        floor = min(floor, ceiling)
        middle = math.sqrt(floor * ceiling)
        self._age = 0.0
        if accepted < _FEW < ceiling * cost and open_for < 2 * cost:
            self.doubling, self.rate = True, _bounded(middle)
            return
        if late:
            plateau = _NEAR * ceiling
        elif self.doubling:
            plateau = max(_BELOW * ceiling, middle)
        else:
            plateau = middle
        self._settle(floor, _bounded(plateau), 1 + cycle.polls)

    def _note(self, cycle: Cycle, now: float) -> None:
        self._cost = cycle.closed_for(now)
        self._burst = min(self._burst, max(1, cycle.accepted))

    def _is_credible(self, stated: float) -> bool:
        """Whether what a server states agrees with what it has just done: it accepted one.

        Of a limit under one request a second, a part of one at least must have been allowed in
        the time that the refusal has cost.
        """
        return stated >= 1 or stated * self._cost >= _CREDIBLE

    def _settle(self, floor: float, plateau: float, refusals: int) -> None:
        """Rise from the floor to a plateau, and stay there for what the last refusals cost."""
        self.doubling = False
        self._plateau = plateau
        self._plateau_at = max(_PROBING * self._cost, _REQUESTS * refusals / plateau)
        self._rise = min(_MOST_RISE, max(_LEAST_RISE, math.log(plateau / max(floor, _SLOWEST))))
        self.rate = _bounded(plateau * math.exp(-self._rise))

    def _doubling_floor(self, accepted: int, round_trip: float) -> float:
        """Return what the last period of doubling, and its second half, say of the floor.

        In a period of P seconds up to the pace U, U · P · (1 - 1/2) / ln 2 are sent, in
        its second half U · P · (1 - 1/√2) / ln 2.
        """
        period = self._period(round_trip)
        if accepted < 0.8 * self.rate * period:
            return 0.0
        whole = 0.721 * self.rate - self._burst / period
        return max(whole, 0.845 * self.rate - 2 * self._burst / period)

    def _doubled(self, seconds: float, round_trip: float) -> float:
        return math.exp2(min(1.0, seconds / self._period(round_trip)))

    def _period(self, round_trip: float) -> float:
        """Return the seconds in which the pace doubles: long enough to hear of a refusal."""
        return max(_DOUBLING, _FEW / 2 / self.rate, 4 * round_trip, self._cost / 4)


def _bounded(rate: float) -> float:
    return min(_FASTEST, max(_SLOWEST, rate))
