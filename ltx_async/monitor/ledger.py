"""What `watch` remembers of every account from round to round, so as to say each thing once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from ltx_async.codec.identity import entry_key
from ltx_async.models import Outcome
from ltx_async.monitor.changes import Change, Kind, Sighting
from ltx_async.wording import counted

_BAD: Final = {Outcome.NEEDS_REAUTH: Kind.BROKEN, Outcome.NOT_FOUND: Kind.GONE}
_WORDS: Final = {Kind.BROKEN: "needs a new sign-in", Kind.GONE: "is not there"}
_EMPTIED: Final = "the input is empty all of a sudden: it may be half written just now"
_RETIRED: Final = (
    "the token may belong to another useapi.net account, or the API may still be retired"
)


@frozen
class Round:
    """What one pass over the emails has shown.

    Attributes:
        at: when it ended, aware, UTC.
        sightings: one per email that has a result.
        trouble: what ended it early; None where nothing did.
        complete: whether every email of the input has a result.
        listed: whether the emails came from the list call: who is missing there is gone.
    """

    at: datetime
    sightings: list[Sighting]
    trouble: str | None = None
    complete: bool = True
    listed: bool = False


@define
class _Standing:
    """What is known of one account; figures that a reply leaves out stay as they were."""

    email: str
    bad: Kind | None = None
    invalid: bool = False
    unanswered: bool = False
    balance: float | None = None
    token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    crossed: set[Kind] = field(factory=set)
    missed: bool = False


@define
class Ledger:
    """Compares each round with what was known, and returns what has changed.

    An account is taken to be well until it is seen otherwise, so that the first round
    tells what is wrong already. A round without answers is one outage, not a change of
    every account: what was known of them stays.
    """

    _standings: dict[str, _Standing] = field(factory=dict, init=False)
    _outage_since: datetime | None = field(default=None, init=False)
    _settled: bool = field(default=False, init=False)

    @property
    def in_outage(self) -> bool:
        """Whether the last round had no answers, or ended early."""
        return self._outage_since is not None

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
        self._settled = True
        return changes

    # The service

    def _silence(self, seen: Round) -> str | None:
        """Say what speaks against believing a round; None where nothing does."""
        asked = [one for one in seen.sightings if one.outcome is not Outcome.INVALID]
        if not seen.sightings and len(self._present()) > 1:
            return f"the list of accounts is empty: {_RETIRED}" if seen.listed else _EMPTIED
        if asked and all(one.outcome is Outcome.FAILED for one in asked):
            return f"no answer for {counted(len(asked), 'email')}: {asked[0].trouble}"
        if len(asked) > 1 and all(one.outcome is Outcome.NOT_FOUND for one in asked):
            return f"none of the {len(asked):,} emails is found: {_RETIRED}"
        return None

    def _present(self) -> list[_Standing]:
        return [one for one in self._standings.values() if one.bad is not Kind.GONE]

    def _outage(self, at: datetime, trouble: str) -> Iterator[Change]:
        if self._outage_since is None:
            self._outage_since = at
            yield Change(at, Kind.OUTAGE, trouble)

    def _outage_over(self, at: datetime) -> Iterator[Change]:
        since, self._outage_since = self._outage_since, None
        if since is not None:
            lasted = timedelta(seconds=round((at - since).total_seconds()))
            yield Change(at, Kind.OUTAGE_OVER, f"back after {lasted}")

    def _answers(self, seen: Round) -> Iterator[Change]:
        """Compare what was answered before the end; no absence in such a round is believed."""
        for sighting in seen.sightings:
            if sighting.outcome not in {Outcome.FAILED, Outcome.NOT_FOUND}:
                yield from self._compare(sighting)

    # The accounts

    def _missing(self, seen: Round) -> Iterator[Change]:
        present = {entry_key(one.email) for one in seen.sightings}
        for key in [key for key in self._standings if key not in present]:
            standing = self._standings[key]
            if not seen.listed and not standing.missed:
                standing.missed = True  # a file may be half written; the next round will tell
            elif not seen.listed:
                del self._standings[key]
                yield Change(seen.at, Kind.REMOVED, "is no longer in the input", standing.email)
            elif standing.bad is not Kind.GONE:
                standing.bad = Kind.GONE
                text = "is gone: no longer in the list of accounts"
                yield Change(seen.at, Kind.GONE, text, standing.email)

    def _compare(self, seen: Sighting) -> Iterator[Change]:
        key = entry_key(seen.email)
        standing = self._standings.get(key)
        if standing is None:
            standing = self._standings[key] = _Standing(seen.email)
            if self._settled:
                yield Change(seen.at, Kind.NEW, "is watched from now on", seen.email)
        standing.missed = False
        if seen.outcome is Outcome.INVALID:
            yield from _invalid(standing, seen)
        elif seen.outcome is Outcome.FAILED:
            yield from _unanswered(standing, seen)
        else:
            yield from _answered(standing, seen)


def _invalid(standing: _Standing, seen: Sighting) -> Iterator[Change]:
    if not standing.invalid:
        standing.invalid = True
        yield Change(seen.at, Kind.INVALID, f"cannot be asked for: {seen.trouble}", seen.email)


def _unanswered(standing: _Standing, seen: Sighting) -> Iterator[Change]:
    if not standing.unanswered:
        standing.unanswered = True
        yield Change(seen.at, Kind.UNANSWERED, f"no answer: {seen.trouble}", seen.email)


def _answered(standing: _Standing, seen: Sighting) -> Iterator[Change]:
    if standing.unanswered:
        standing.unanswered = False
        yield Change(seen.at, Kind.ANSWERED, "there is an answer again", seen.email)
    yield from _health(standing, seen)
    yield from _figures(standing, seen)
    yield from _threshold(
        standing, seen, Kind.LOW_BALANCE, seen.low_balance, known=seen.balance is not None
    )
    yield from _threshold(standing, seen, Kind.EXPIRING, seen.expiring, known=seen.knows_expiry)


def _health(standing: _Standing, seen: Sighting) -> Iterator[Change]:
    before, bad = standing.bad, _BAD.get(seen.outcome)
    standing.bad = bad
    if bad is before:
        return
    if bad is None:
        yield Change(seen.at, Kind.RECOVERED, f"is well again, was {before}", seen.email, before)
        return
    text = _WORDS[bad] if seen.trouble is None else f"{_WORDS[bad]}: {seen.trouble}"
    yield Change(seen.at, bad, text, seen.email, before)


def _figures(standing: _Standing, seen: Sighting) -> Iterator[Change]:
    before, balance = standing.balance, seen.balance
    if balance is not None:
        standing.balance = balance
        if before is not None and before != balance:
            text = f"balance {before:,} → {balance:,} ({balance - before:+,.10g})"
            yield Change(seen.at, Kind.BALANCE, text, seen.email, before, balance)
    for name, words in _ENDS:
        then, now = getattr(standing, name), getattr(seen, name)
        if now is not None:
            setattr(standing, name, now)
            if then is not None and then != now:
                yield _moved(seen, words, (then, now))


_ENDS: Final = (
    ("token_expires_at", "access token"),
    ("refresh_token_expires_at", "refresh token"),
)


def _moved(seen: Sighting, words: str, ends: tuple[datetime, datetime]) -> Change:
    before, after = (f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for end in ends)
    shown = len("2026-01-05") if before[:10] != after[:10] else len("2026-01-05T00:00")
    text = f"{words} until {before[:shown]} → {after[:shown]}".replace("T", " ")
    return Change(seen.at, Kind.EXPIRY, text, seen.email, before, after)


def _threshold(
    standing: _Standing, seen: Sighting, kind: Kind, reason: str | None, *, known: bool
) -> Iterator[Change]:
    if not known or (reason is not None) is (kind in standing.crossed):
        return
    if reason is not None:
        standing.crossed.add(kind)
        yield Change(seen.at, kind, reason, seen.email)
    else:
        standing.crossed.discard(kind)
        text = (
            "balance is high enough again"
            if kind is Kind.LOW_BALANCE
            else "the sign-in was renewed"
        )
        yield Change(seen.at, Kind.RECOVERED, text, seen.email, kind)


def count_outcomes(sightings: Iterable[Sighting]) -> str:
    """Return the sightings by outcome for people, such as `340 ok, 2 not_found`."""
    outcomes = [one.outcome for one in sightings]
    return ", ".join(f"{outcomes.count(one):,} {one}" for one in Outcome if one in outcomes)
