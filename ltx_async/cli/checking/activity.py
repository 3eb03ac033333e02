"""What a run reports while it goes on: a closed gate, and the pace that the server allows."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from ltx_async.cli.exits import is_not_served
from ltx_async.cli.terminal.messages import Talk
from ltx_async.events import (
    Event,
    GateClosed,
    GateOpened,
    NobodyFound,
    OutageBegan,
    OutageEnded,
    PaceLearned,
)
from ltx_async.wording import allowed

OBSERVED: Final = frozenset(
    {GateClosed, GateOpened, OutageBegan, OutageEnded, PaceLearned, NobodyFound}
)
"""The events that an `Observer` uses: there are few of them, however many lookups."""


@define(eq=False)
class Observer:
    """Receives the client's events.

    Attributes:
        talk: for the beginning and the end of an outage.
        note: why no requests, or fewer, are being sent; empty when there is no reason.
        missing: how many emails a run asked for, if none of them was found.
    """

    talk: Talk | None = None
    note: str = ""
    missing: int = 0
    _pace: str = field(init=False, default="")

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        match event:
            case GateClosed():
                self.note = f"waiting {event.seconds:.0f} s: {event.why.message}"
                if is_not_served(event.why):
                    self.note += "; is `ltx-async serve` running?"
            case GateOpened():
                self.note = self._pace
            case PaceLearned():
                self.note = self._pace = allowed(event.rate)
            case OutageBegan():
                self._warn(
                    f"nobody answers; waiting up to {event.patience:.0f} s: {event.why.message}"
                )
            case OutageEnded():
                self._warn(f"answered again, {event.seconds:.0f} s later")
            case NobodyFound():
                self.missing = event.asked
            case _:
                pass

    def _warn(self, text: str) -> None:
        if self.talk is not None:
            self.talk.warn(text)
