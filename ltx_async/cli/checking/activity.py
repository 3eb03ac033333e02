"""What a run tells of itself while it goes on: requests under way, and a closed gate."""

from __future__ import annotations

from attrs import define, field

from ltx_async.cli.exits import is_not_served
from ltx_async.events import (
    AttemptFinished,
    AttemptStarted,
    Event,
    GateClosed,
    GateOpened,
    PaceLearned,
)
from ltx_async.wording import allowed


@define(eq=False)
class Observer:
    """Receives the client's events.

    Attributes:
        in_flight: requests on the wire.
        note: why nobody sends just now, or why no more do; empty when there is no reason.
    """

    in_flight: int = 0
    note: str = ""
    _pace: str = field(init=False, default="")

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        match event:
            case AttemptStarted():
                self.in_flight += 1
            case AttemptFinished():
                self.in_flight -= 1
            case GateClosed():
                self.note = f"waiting {event.seconds:.0f} s: {event.why.message}"
                if is_not_served(event.why):
                    self.note += "; is `ltx-async serve` running?"
            case GateOpened():
                self.note = self._pace
            case PaceLearned():
                self.note = self._pace = allowed(event.rate)
            case _:
                pass
