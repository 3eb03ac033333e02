"""The number of requests under way that is learned from refusals; pure: times are passed in."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from ltx_async.engine.pace.rate import Cycle

_SOON: Final = 2.0  # seconds until a cap is probed that was just found
# Acceptances above a cap, for each of it, until it is raised. One by chance says little: a server
# counts fewer than we do, since what it has answered is still on its way.
_OFTEN: Final = 3
_CONFIRMED: Final = 10


@define(eq=False)
class Cap:
    """Requests that a server seems to let be under way at a time, if it limits that at all.

    It does if some of the requests under way are served while another is refused: those it
    serves are its limit. The cap is probed, by one more at first, and is raised to what is
    accepted above it often. A refusal that a cap cannot explain disproves it for good, and so
    does one that the pace explains as well where more than the cap was accepted before. Where no
    more than the cap were under way one is too many by chance: then it is lowered and soon raised
    again, and a second refusal disproves it.

    Attributes:
        limit: requests at a time; None while nothing speaks for a limit.
        confirmed: whether it explained a refusal while no pace held the client back.
    """

    limit: int | None = None
    confirmed: bool = field(init=False, default=False)
    _disproved: bool = field(init=False, default=False)
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

    def probes(self, under_way: int) -> bool:
        """Whether so many under way are to show more than was learned.

        One more than a limit that was lowered, by chance it may be, is what was served before.
        """
        return self.limit is not None and under_way > self.limit + self._lowered

    def yields(self, now: float, under_way: int) -> bool:
        """Let one fewer be under way from now on, if that may be all that a refusal asks for.

        It is where the cap is what holds the client back and was not lowered just before.
        """
        if not self.confirmed or self._lowered or under_way != self.limit or under_way < 2:
            return False
        return self._lower(under_way - 1, now)

    def accepted(self, now: float, sent_at: float, under_way: int) -> None:
        """Note that a request was accepted while so many were under way."""
        if self.limit is None or under_way <= self.limit or sent_at < self._probes_at:
            return
        self._above += 1
        often = max(5, self.limit) * (_CONFIRMED if self.confirmed else _OFTEN)
        if self._above >= often:
            self._raise(now)

    def _raise(self, now: float) -> None:
        assert self.limit is not None
        self._above = 0
        if self._lowered:  # by chance, it seems: one more again, and no further for a while
            self.limit += 1
            self._lowered, self._probes_at = False, now + self._pause
        elif self._raised and not self.confirmed:
            self._disprove()
        else:
            self.limit += self._step
            self._step *= 2
            self._probes_at, self._raised = now, True

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
            self.limit, self._probes_at = served, now + _SOON
            self._pause = 20 * cycle.closed_for(now)
            return False
        if cycle.alongside > self.limit:
            return self._met(cycle, now)
        if not cycle.paced or (self.confirmed and cycle.alongside == self.limit):
            self.confirmed |= not cycle.paced
            return self._lower(served, now)
        if cycle.alongside == self.limit:  # the pace may be why as well
            self._lower(served, now)
        return False

    def _met(self, cycle: Cycle, now: float) -> bool:
        """Stay below what was refused above the limit, unless the pace explains it as well."""
        if cycle.paced and self._raised and not self.confirmed:
            return self._disprove()
        self.confirmed |= not cycle.paced
        self._lowered, self._step, self._above = False, 1, 0
        self._probes_at, self._pause = now + self._pause, 2 * self._pause
        return True

    def _lower(self, served: int, now: float) -> bool:
        """Lower the limit to what was served of it; twice in a row, and there is none."""
        assert self.limit is not None
        if served >= self.limit or self._lowered:
            return self._disprove()
        self.limit = max(1, served)
        self._lowered, self._step, self._above = True, 1, 0
        self._probes_at = now + _SOON
        return True

    def _disprove(self) -> bool:
        self._disproved, self.limit = True, None
        return False
