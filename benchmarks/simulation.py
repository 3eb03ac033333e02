"""Clients that have more to ask than a server allows, in virtual time: hours in a second."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import Protocol

from attrs import define, field

from benchmarks.limits import Limit
from ltx_async.engine.pace import LATENESS_FORGIVEN, Cycle, Pacing, least_gap

_POLLS = (1.0, 2.0, 4.0, 8.0, 10.0)
_JITTER = 0.1


class Control(Protocol):
    """How a client decides when it sends: today's rule, the learned pace, a rival, an oracle."""

    def window(self, now: float) -> float:
        """Return how many requests may be under way."""

    def gap(self, now: float, *, waited: bool) -> float:
        """Return the seconds from a start now to the next one."""

    def opened(self, now: float) -> None:
        """Note that the gate opens."""

    def accepted(self, now: float, sent_at: float, under_way: int) -> None:
        """Note a reply that is no refusal."""

    def refused(self, now: float, sent_at: float, under_way: int, *, told: bool) -> bool:
        """Note a refusal, and return whether everybody is to wait."""


@define(eq=False)
class World:
    """A server, the way there, and what is to happen next.

    Args:
        limit: what the server allows.
        latency: seconds of the way there and back.
        seed: of all that is random.
        unevenness: the part by which the latency varies.
        lateness: draws how many seconds late a timer of a client is; by default none is.
    """

    limit: Limit
    latency: float = 0.001
    seed: int = 1
    unevenness: float = 0.2
    lateness: Callable[[random.Random], float] | None = None
    now: float = field(init=False, default=0.0)
    random: random.Random = field(init=False)
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(init=False, factory=list)
    _numbers: itertools.count[int] = field(init=False, factory=itertools.count)

    def __attrs_post_init__(self) -> None:
        """Seed what is random."""
        self.random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def at(self, when: float, then: Callable[[], None]) -> None:
        """Have something happen at a time."""
        heapq.heappush(self._agenda, (when, next(self._numbers), then))

    def run(self, until: float) -> None:
        """Let time pass."""
        while self._agenda and self._agenda[0][0] < until:
            self.now, _, then = heapq.heappop(self._agenda)
            then()
        self.now = until

    def woken(self, due: float) -> float:
        """Draw when a timer that is due wakes its client."""
        return due + (0.0 if self.lateness is None else self.lateness(self.random))

    def one_way(self) -> float:
        """Draw the seconds of the way to the server, or back."""
        return self.latency / 2 * (1 + self.unevenness * self.random.random())


@define(eq=False)
class Client:
    """One client with its gate; it obeys `Retry-After`, and always has something to ask.

    Args:
        world: where it lives.
        control: how it decides when it sends.
        concurrency: its own bound of requests under way.
        since: when it begins.
    """

    world: World
    control: Control
    concurrency: int = 50
    since: float = 0.0
    accepted: list[float] = field(init=False, factory=list)
    refused: list[float] = field(init=False, factory=list)
    _under_way: int = field(init=False, default=0)
    _opens_at: float | None = field(init=False, default=None)
    _opened_at: float = field(init=False, default=0.0)
    _trial: str = field(init=False, default="")
    _polls: int = field(init=False, default=0)
    _next: float = field(init=False, default=0.0)
    _due: float = field(init=False, default=0.0)
    _wakes_at: float = field(init=False, default=-1.0)
    _waited: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Begin when it is time."""
        self.world.at(self.since, self._send)

    def used(self, since: float, until: float) -> float:
        """Return the share of the allowed rate that was used."""
        count = sum(since <= at < until for at in self.accepted)
        return count / self.world.limit.allowed(since, until)

    def throttled(self, since: float, until: float) -> float:
        """Return the share of throttles among the replies."""
        bad = sum(since <= at < until for at in self.refused)
        good = sum(since <= at < until for at in self.accepted)
        return bad / max(1, good + bad)

    def _may_send(self) -> bool:
        if (
            self._opens_at is not None
            or self._trial == "out"
            or self._under_way >= self.concurrency
        ):
            return False
        if self._trial == "due":
            return True
        return self._under_way < self.control.window(self.world.now)

    def _send(self) -> None:
        while self._may_send():
            now = self.world.now
            if now < self._next - 1e-9:
                self._waited = True
                if self._wakes_at < self._next:
                    self._wakes_at = self._next
                    self.world.at(self.world.woken(self._next), self._send)
                return
            self._under_way += 1
            gap = self.control.gap(now, waited=self._waited)
            forgiven = LATENESS_FORGIVEN if self._waited else 0.0
            self._due = max(self._due, now - forgiven) + gap
            self._next = max(self._due, now + least_gap(gap))
            self._waited = False
            if self._trial:
                self._trial = "out"
            self.world.at(now + self.world.one_way(), lambda sent=now: self._arrive(sent))

    def _arrive(self, sent_at: float) -> None:
        world = self.world
        verdict = world.limit.refuses(world.now)
        if verdict is not None:
            world.at(world.now + world.one_way(), lambda: self._refused(sent_at, verdict))
            return

        def served() -> None:
            world.limit.served(world.now)
            world.at(world.now + world.one_way(), lambda: self._accepted(sent_at))

        world.at(world.now + world.limit.service(world.now), served)

    def _accepted(self, sent_at: float) -> None:
        now, trial = self.world.now, self._is_trial(sent_at)
        self.accepted.append(now)
        self.control.accepted(now, sent_at, self._under_way)
        if trial:
            self._trial, self._polls = "", 0
            gap = self.control.gap(sent_at, waited=False)
            self._due = self._next = max(self._next, sent_at + gap)
        self._under_way -= 1
        self._send()

    def _refused(self, sent_at: float, told: float) -> None:
        now, trial = self.world.now, self._is_trial(sent_at)
        self.refused.append(now)
        waits = self.control.refused(now, sent_at, self._under_way, told=told > 0)
        self._under_way -= 1
        if not waits:
            self._send()
            return
        self._polls = min(self._polls + trial, len(_POLLS) - 1)
        wait = told or _POLLS[self._polls]
        opens_at = now + wait + min(1.0, max(wait, 0.1) * _JITTER) * self.world.random.random()
        if trial:
            self._trial = ""
        if self._opens_at is None or opens_at > self._opens_at:
            self._opens_at = opens_at
            self.world.at(opens_at, lambda: self._open(opens_at))

    def _is_trial(self, sent_at: float) -> bool:
        return self._trial == "out" and sent_at >= self._opened_at

    def _open(self, opens_at: float) -> None:
        if self._opens_at == opens_at:
            self._opens_at, self._trial, self._opened_at = None, "due", opens_at
            self.control.opened(opens_at)
            self._send()


@define(eq=False)
class Learned:
    """The pace that `ltx_async` learns."""

    pacing: Pacing = field(init=False, factory=lambda: Pacing(Cycle(-1.0)))

    def window(self, now: float) -> float:
        """Return the learned cap."""
        cap = self.pacing.cap.window(now)
        return float("inf") if cap is None else cap

    def gap(self, now: float, *, waited: bool) -> float:
        """Return the learned gap."""
        if self.pacing.cycle.opened_at < 0:
            self.pacing.cycle.opened_at = now
        return self.pacing.gap(now, waited=waited)

    def opened(self, now: float) -> None:
        """Pass it on."""
        self.pacing.opened(now)

    def accepted(self, now: float, sent_at: float, under_way: int) -> None:
        """Pass it on."""
        self.pacing.accepted(now, sent_at, under_way)

    def refused(self, now: float, sent_at: float, under_way: int, *, told: bool) -> bool:
        """Pass it on."""
        return self.pacing.refused(now, sent_at, under_way, told=told) is not None
