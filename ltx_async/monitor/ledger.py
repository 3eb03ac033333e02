"""What `watch` remembers of every account between rounds, so that it reports each change once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from ltx_async.alerts import Sighting
from ltx_async.codec.identity import entry_key
from ltx_async.models import Outcome
from ltx_async.monitor.changes import Change, Kind
from ltx_async.monitor.standing import Rules, Standing
from ltx_async.wording import counted

_EMPTIED: Final = "the input is empty all of a sudden: it may be half written just now"
_RETIRED: Final = (
    "the API token may belong to another useapi.net account, or the API may still be retired"
)

_NOBODY: Final = frozenset({Outcome.FAILED, Outcome.NOT_FOUND})  # no account was there to be seen


@frozen
class Round:
    """What one pass over the emails has shown.

    Attributes:
        at: when it ended, aware, UTC.
        sightings: one per email that has a result.
        trouble: what ended it early; None where nothing did.
        complete: whether every email of the input has a result.
        listed: whether the emails came from the list call: an account missing there is gone.
    """

    at: datetime
    sightings: list[Sighting]
    trouble: str | None = None
    complete: bool = True
    listed: bool = False


@define
class Ledger:
    """Keeps the last known state of every account, and returns what each round has changed.

    An account counts as well until a round shows otherwise, so that the first round reports
    every account that is not. A round that shows no account at all, because nobody is answered
    or found, is reported as one outage, not as a change of every account, whose last known state
    is kept.

    Attributes:
        rules: what is reported, and how often.
        standings: the last known state of each account, by the key of its entry.
        outage_since: when the outage began; None while the service answers.
        outage_told: when the outage was last reported.
        settled: whether there was a complete round, after which an unknown account is new.
    """

    rules: Rules = field(factory=Rules)
    standings: dict[str, Standing] = field(factory=dict)
    outage_since: datetime | None = None
    outage_told: datetime | None = None
    settled: bool = False

    @property
    def in_outage(self) -> bool:
        """Whether the last round showed no account, or ended early."""
        return self.outage_since is not None

    def settle(self, seen: Round) -> list[Change]:
        """Return what one round has changed, in the order of its sightings."""
        trouble = seen.trouble or (self._silence(seen) if seen.complete else None)
        if trouble is not None:
            return [*self._outage(seen.at, trouble), *self._answers(seen)]
        if not seen.complete:
            return [*self._answers(seen)]
        changes = [*self._outage_over(seen.at)]
        for sighting in seen.sightings:
            changes += self._compare(sighting)
        changes += self._missing(seen)
        self.settled = True
        return changes

    # The service

    def _silence(self, seen: Round) -> str | None:
        """Return why a round counts as an outage; None if its results can be trusted."""
        asked = [one for one in seen.sightings if one.outcome is not Outcome.INVALID]
        if not seen.sightings and len(self._present()) > 1:
            return f"the list of accounts is empty: {_RETIRED}" if seen.listed else _EMPTIED
        failed = [one for one in asked if one.outcome is Outcome.FAILED]
        if asked and len(failed) == len(asked):
            return f"no answer for {counted(len(asked), 'email')}: {asked[0].error}"
        if len(asked) > 1 and all(one.outcome in _NOBODY for one in asked):
            have = "has" if len(failed) == 1 else "have"
            but = f", and {len(failed):,} {have} no answer ({failed[0].error})" if failed else ""
            return f"none of the {len(asked):,} emails is found{but}: {_RETIRED}"
        return None

    def _present(self) -> list[Standing]:
        return [one for one in self.standings.values() if one.bad is not Kind.GONE]

    def _outage(self, at: datetime, trouble: str) -> Iterator[Change]:
        is_new = self.outage_since is None
        self.outage_since = self.outage_since or at
        if is_new or self.rules.is_due(self.outage_told, at):
            self.outage_told = at
            yield Change(at, Kind.OUTAGE, trouble, reminder=not is_new)

    def _outage_over(self, at: datetime) -> Iterator[Change]:
        since, self.outage_since = self.outage_since, None
        if since is not None:
            lasted = timedelta(seconds=round((at - since).total_seconds()))
            yield Change(at, Kind.OUTAGE_OVER, f"back after {lasted}")

    def _answers(self, seen: Round) -> Iterator[Change]:
        """Compare what was answered before a round ended early; accounts may be missing from it."""
        for sighting in seen.sightings:
            if sighting.outcome not in _NOBODY:
                yield from self._compare(sighting)

    # The accounts

    def _missing(self, seen: Round) -> Iterator[Change]:
        present = {entry_key(one.email) for one in seen.sightings}
        for key in [key for key in self.standings if key not in present]:
            standing = self.standings[key]
            if seen.listed:
                yield from standing.vanish(seen.at, self.rules)
            elif not standing.missed:
                standing.missed = True  # the file may be half written: wait for the next round
            else:
                del self.standings[key]
                yield Change(seen.at, Kind.REMOVED, "is no longer in the input", standing.email)

    def _compare(self, seen: Sighting) -> Iterator[Change]:
        key = entry_key(seen.email)
        standing = self.standings.get(key)
        if standing is None:
            standing = self.standings[key] = Standing(seen.email)
            if self.settled:
                yield Change(seen.checked_at, Kind.NEW, "is watched from now on", seen.email)
        yield from standing.compare(seen, self.rules)


def count_outcomes(sightings: Iterable[Sighting]) -> str:
    """Return the sightings by outcome for people, such as `340 ok, 2 not_found`."""
    outcomes = [one.outcome for one in sightings]
    return ", ".join(f"{outcomes.count(one):,} {one}" for one in Outcome if one in outcomes)
