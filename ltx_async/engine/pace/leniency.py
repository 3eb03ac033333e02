"""Which refusals cost nearly nothing: few among many; pure: times are passed in."""

from __future__ import annotations

import math
from typing import Final

from attrs import define, field

_SHARE: Final = 0.02  # of the replies may be refusals
_MOST: Final = 8  # refusals in a row


@define(eq=False)
class Leniency:
    """Forgives a refusal that is one of few and does not go on.

    Without a burst a server refuses whatever comes closer than its rate, and on the way there
    some requests come closer than they were sent, at any pace. Such a refusal is no reason for
    everybody to wait, if what is sent after it is accepted.
    """

    _credit: float = field(init=False, default=0.0)
    _waits: bool = field(init=False, default=False)
    _since: float = field(init=False, default=-math.inf)

    def forgives(self, now: float, sent_at: float) -> bool:
        """Note a refusal and return whether the others may go on.

        Replies to what was sent before an earlier one was known of say nothing new.
        """
        if sent_at <= self._since:
            return True
        if self._credit < 1:
            return False
        self._credit -= 1
        if not self._waits:
            self.begins(now)
        return True

    def begins(self, now: float) -> None:
        """Forgive all that was sent until now, until something is accepted that is sent later."""
        self._waits, self._since = True, now

    def accepted(self, now: float, sent_at: float) -> bool:
        """Note an acceptance; return whether it is the first of what was sent after a refusal."""
        self._credit = min(_MOST, self._credit + _SHARE)
        if not self._waits or sent_at <= self._since:
            return False
        self._waits, self._since = False, now
        return True

    def ends(self) -> None:
        """Forgive but one until much was accepted again."""
        self._credit, self._waits = 1.0, False
