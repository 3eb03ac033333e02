"""What a client learns of a server's limits, reply by reply; pure: times are passed in."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from attrs import define, field

from ltx_async.engine.pace.cap import Cap
from ltx_async.engine.pace.leniency import Leniency
from ltx_async.engine.pace.rate import SHORTEST, Cycle, Pace

LATENESS_FORGIVEN: Final = 0.01  # seconds that a timer may be late; too few for a burst
_TICK: Final = 0.001  # seconds, to which the timers of event loops are rounded up
_TELLING: Final = 20  # starts that tell how much is sent
_CLOSE_BY_CHANCE: Final = 10.0  # requests per second; at fewer none comes too close by chance


def least_gap(gap: float) -> float:
    """Return the seconds that are to be between two starts at least, if a learned pace says `gap`.

    What a timer was late is not made up for: a server may refuse whatever comes closer than its
    rate, as nginx does without a burst, and the pace that is learned allows for it. Where
    timers are too coarse for the pace, it is made up for at once.
    """
    return gap if gap > 2 * _TICK else 0.0


@define(eq=False)
class Pacing:
    """What a client has learned of a server's limits since the first refusal.

    Attributes:
        cycle: what came of the gate's last opening.
        pace: the learned requests per second; None until a request is accepted again.
        cap: the learned number under way.
    """

    cycle: Cycle
    pace: Pace | None = None
    cap: Cap = field(factory=Cap)
    _round_trip: float = field(init=False, default=math.inf)
    _starts: deque[float] = field(init=False, factory=lambda: deque(maxlen=_TELLING))
    _waits: deque[bool] = field(init=False, factory=lambda: deque(maxlen=_TELLING))
    _accepted_at: float = field(init=False, default=0.0)
    _told: float = field(init=False, default=0.0)
    _stated: float | None = field(init=False, default=None)
    _trial_from: float = field(init=False, default=math.inf)
    _leniency: Leniency = field(init=False, factory=Leniency)

    @property
    def closed(self) -> bool:
        """Whether a refusal has not been followed by an acceptance yet."""
        return self.cycle.closed_at is not None

    @property
    def holds(self) -> bool:
        """Whether it holds the client back: by the gate, the pace or the cap."""
        return self.closed or self._paced or self.cap.limit is not None

    @property
    def _paced(self) -> bool:
        """Whether it is the pace that holds the client back: most of the last starts.

        Starts that come in bunches, at a pace of many times as much as there are, wait for it too,
        but it is not why there are no more.
        """
        return 2 * sum(self._waits) > len(self._waits) and self._kept

    @property
    def _kept(self) -> bool:
        """Whether what was sent is near the pace, even where it doubles."""
        return self.pace is None or 4 * self._lately() >= self.pace.rate

    @property
    def shortest_gap(self) -> float:
        """The seconds that there are to be between two starts."""
        return 0.0 if self.pace is None else 1 / self.pace.rate

    @property
    def rate(self) -> float | None:
        """The requests per second that seem to be allowed; None before an acceptance."""
        if self.pace is None:
            return None
        open_for = self._accepted_at - self.cycle.opened_at
        if self.cap.limit is None or open_for < 1:
            return self.pace.rate
        return min(self.pace.rate, self.cycle.accepted / open_for)

    def news(self) -> float | None:
        """Return the rate if it has moved by a tenth since it was last returned."""
        rate = self.rate
        if rate is None or self.closed or abs(rate - self._told) < 0.1 * self._told:
            return None
        self._told = rate
        return rate

    def gap(self, now: float, *, waited: bool) -> float:
        """Return the seconds between a request that starts now and the next one.

        Args:
            now: the time of the start.
            waited: whether it had to wait for the pace.
        """
        if self.closed:
            self._try(now)
            return 0.0
        if self.pace is not None and waited and self._starts and self._kept:
            since = max(self._starts[-1], self.cycle.opened_at)
            self.pace.grow(max(0.0, now - since), self._known_round_trip)
        self._waits.append(waited)
        self._starts.append(now)
        return self.shortest_gap

    def _try(self, now: float) -> None:
        """Begin a trial; the idle time between the gate's opening and now does not count."""
        assert self.cycle.closed_at is not None
        idle = max(0.0, now - self._trial_from)
        self.cycle.opened_at += idle
        self.cycle.closed_at += idle
        self._trial_from = now

    def is_of_before(self, sent_at: float) -> bool:
        """Whether a reply that comes during a trial belongs to a request from before it."""
        return sent_at < self._trial_from < math.inf

    def opened(self, now: float) -> None:
        """Note that the gate opens, for one request at first."""
        self._trial_from = now

    def accepted(self, now: float, sent_at: float, under_way: int) -> bool:
        """Note a reply that is no refusal; return whether it is the one that ends a closing."""
        self._accepted_at = now
        self._round_trip = min(self._round_trip, max(0.0, now - sent_at))
        if self.closed and sent_at >= self._trial_from:
            self._learn(now)
            return True
        self.cycle.accepted += 1
        if self._leniency.accepted(now, sent_at) and self._paced and self.pace is not None:
            self.pace.ease()
        self.cap.accepted(now, sent_at, under_way)
        return False

    def refused(
        self,
        now: float,
        sent_at: float,
        under_way: int,
        *,
        told: bool = True,
        stated: float | None = None,
    ) -> int | None:
        """Note a refusal, of a request that was one of `under_way`.

        Args:
            now: when it came.
            sent_at: when its request was sent.
            under_way: requests under way, this one included.
            told: whether the server said how long to wait.
            stated: requests per second that the server says it allows.

        Returns:
            The polls so far; None where it is forgiven, so that the others go on.
        """
        if not told and stated is None and self._forgives(now, sent_at, under_way):
            return None
        cycle, self._stated = self.cycle, stated
        if not self.closed:
            if sent_at < cycle.opened_at and self.pace is not None:
                return 0  # it was sent before the last closing, and says nothing new
            if self.pace is not None:
                self.pace.met(max(0.0, now - sent_at), self._known_round_trip)
            cycle.closed_at, cycle.alongside, cycle.paced = now, under_way, self._paced
            cycle.refused, cycle.lately = 1, self._lately()
            self._leniency.ends()
        elif sent_at >= self._trial_from:
            cycle.polls += 1
        else:
            cycle.refused += 1
        self._trial_from = math.inf
        return cycle.polls

    def _forgives(self, now: float, sent_at: float, under_way: int) -> bool:
        """Whether a refusal is but one of few, and none that was provoked to learn from.

        A server may still count what it has answered, so that one is too many by chance.
        """
        pace, cap = self.pace, self.cap
        if self.closed or pace is None or pace.rate < _CLOSE_BY_CHANCE:
            return False
        if cap.probes(under_way):
            return False
        if pace.doubling and not cap.confirmed:
            return False
        if not self._leniency.forgives(now, sent_at):
            if self._paced or not cap.yields(now, under_way):
                return False
            self._leniency.begins(now)
        return True

    def rested(self, now: float) -> None:
        """Note that there was nothing to do for a while: a new cycle begins."""
        if not self.closed:
            self.cycle = Cycle(now)

    def _lately(self) -> float:
        """Return the requests per second of the last starts, infinite if they tell nothing."""
        starts = self._starts
        if len(starts) < _TELLING or starts[0] < self.cycle.opened_at:
            return math.inf
        return (len(starts) - 1) / max(SHORTEST, starts[-1] - starts[0])

    @property
    def _known_round_trip(self) -> float:
        return 0.0 if math.isinf(self._round_trip) else self._round_trip

    def _learn(self, now: float) -> None:
        ended, self.cycle = self.cycle, Cycle(now, accepted=1)
        self._trial_from = math.inf
        explained = self.cap.explains(ended, now)
        if self.pace is None:
            self.pace = Pace.after(ended, now, self._stated)
        elif not explained:
            self.pace.learn(ended, now, self._known_round_trip, self._stated)
