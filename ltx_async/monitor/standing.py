"""What `watch` knows of one account, and what a new sighting of it changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from ltx_async.alerts import Alert, Need, Sighting, Thresholds
from ltx_async.models import Outcome
from ltx_async.monitor.changes import Change, Kind
from ltx_async.wording import number, signed

BAD: Final = {Outcome.NEEDS_REAUTH: Kind.BROKEN, Outcome.NOT_FOUND: Kind.GONE}
_OUTCOMES: Final = {bad: outcome for outcome, bad in BAD.items()}
_NEEDS: Final = {Kind.BROKEN: Need.SIGN_IN_AGAIN, Kind.GONE: Need.NOT_FOUND}
_WORDS: Final = {Kind.BROKEN: "needs a new sign-in", Kind.GONE: "is not there"}
_ENDS: Final = (("token_expires_at", "access token"), ("refresh_token_expires_at", "sign-in"))
_NEARLY: Final = 0.95  # of the span is enough: rounds and cron jobs are not punctual to the second


@frozen
class Rules:
    """What somebody is to be told of, and how often.

    Attributes:
        thresholds: what an account must not fall below.
        remind: after how long what is still wrong is told again; None for never.
    """

    thresholds: Thresholds = field(factory=Thresholds)
    remind: timedelta | None = None

    def is_due(self, told: datetime | None, now: datetime) -> bool:
        """Whether what was told at `told` is to be told again."""
        return self.remind is not None and told is not None and now - told >= self.remind * _NEARLY


@define
class Standing:
    """The last known state of one account; figures that a reply leaves out stay as they were.

    Attributes:
        crossed: the limits that it has crossed, as reported.
        told: when each thing that is wrong was last reported.
        missed: whether the last round had no result for it.
    """

    email: str
    bad: Kind | None = None
    invalid: bool = False
    unanswered: bool = False
    balance: float | None = None
    token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    crossed: dict[Kind, float] = field(factory=dict)
    told: dict[Kind, datetime] = field(factory=dict)
    missed: bool = False

    @property
    def is_known(self) -> bool:
        """Whether there ever was an answer about it, judging by what is known."""
        silent = self.invalid or self.unanswered
        return not silent or self.bad is not None or self._figures_known != (None,) * 3

    @property
    def _figures_known(self) -> tuple[float | None, datetime | None, datetime | None]:
        return self.balance, self.token_expires_at, self.refresh_token_expires_at

    def as_sighting(self, at: datetime) -> Sighting:
        """Return what is known of it by now, as one lookup would have shown it."""
        if self.invalid:
            outcome = Outcome.INVALID
        elif self.bad is not None:
            outcome = _OUTCOMES[self.bad]
        else:
            outcome = Outcome.FAILED if self.unanswered else Outcome.OK
        figures = () if self.bad is Kind.GONE else self._figures_known
        return Sighting(self.email, outcome, at, None, *figures)

    def compare(self, seen: Sighting, rules: Rules) -> Iterator[Change]:
        """Take a new sighting, and return what it has changed."""
        self.missed = False
        if seen.outcome is Outcome.INVALID:
            yield from self._invalid(seen)
        elif seen.outcome is Outcome.FAILED:
            yield from self._unanswered(seen)
        else:
            yield from self._answered(seen, rules)

    def vanish(self, at: datetime, rules: Rules) -> Iterator[Change]:
        """Note that the list of accounts has it no longer."""
        text = "is gone: no longer in the list of accounts"
        gone = Change(at, Kind.GONE, text, self.email, reason=Need.NOT_FOUND, due_at=at)
        before, self.bad = self.bad, Kind.GONE
        yield from self._told_or_due(gone, rules, is_new=before is not Kind.GONE)

    def _told_or_due(self, change: Change, rules: Rules, *, is_new: bool) -> Iterator[Change]:
        """Report what is wrong if it is new, or if a reminder is due."""
        if not is_new and not rules.is_due(self.told.get(change.kind), change.at):
            return
        self.told[change.kind] = change.at
        yield change if is_new else evolve(change, reminder=True)

    def _invalid(self, seen: Sighting) -> Iterator[Change]:
        if not self.invalid:
            self.invalid = True
            text = f"cannot be asked for: {seen.error}"
            yield Change(seen.checked_at, Kind.INVALID, text, seen.email)

    def _unanswered(self, seen: Sighting) -> Iterator[Change]:
        if not self.unanswered:
            self.unanswered = True
            text = f"no answer: {seen.error}"
            yield Change(seen.checked_at, Kind.UNANSWERED, text, seen.email, reason=Need.FAILED)

    def _answered(self, seen: Sighting, rules: Rules) -> Iterator[Change]:
        if self.unanswered:
            self.unanswered = False
            yield Change(seen.checked_at, Kind.ANSWERED, "there is an answer again", seen.email)
        yield from self._health(seen, rules)
        yield from self._figures(seen)
        alerts = {one.reason: one for one in rules.thresholds.alerts(seen, seen.checked_at)}
        if seen.balance is not None:
            low = alerts.get(Need.LOW_BALANCE)
            yield from self._limit(Kind.LOW_BALANCE, low, seen, rules)
        ends = alerts.get(Need.SIGN_IN_ENDS) or alerts.get(Need.ACCESS_TOKEN_ENDS)
        known = self.refresh_token_expires_at or self.token_expires_at
        if ends is not None or known in {seen.refresh_token_expires_at, seen.token_expires_at}:
            yield from self._limit(Kind.EXPIRING, ends, seen, rules)

    def _health(self, seen: Sighting, rules: Rules) -> Iterator[Change]:
        before, bad = self.bad, BAD.get(seen.outcome)
        self.bad = bad
        if bad is None:
            if before is not None:
                text = f"is well again, was {before}"
                yield Change(seen.checked_at, Kind.RECOVERED, text, seen.email, before)
            return
        change = Change(
            seen.checked_at,
            bad,
            _WORDS[bad] if seen.error is None else f"{_WORDS[bad]}: {seen.error}",
            seen.email,
            before,
            reason=_NEEDS[bad],
            due_at=seen.checked_at,
            balance=seen.balance,
        )
        yield from self._told_or_due(change, rules, is_new=bad is not before)

    def _figures(self, seen: Sighting) -> Iterator[Change]:
        before, balance = self.balance, seen.balance
        if balance is not None:
            self.balance = balance
            if before is not None and before != balance:
                moved = signed(balance - before)
                text = f"balance {number(before)} → {number(balance)} ({moved})"
                yield Change(
                    seen.checked_at,
                    Kind.BALANCE,
                    text,
                    seen.email,
                    before,
                    balance,
                    balance=balance,
                )
        for name, words in _ENDS:
            then, now = getattr(self, name), getattr(seen, name)
            if now is not None:
                setattr(self, name, now)
                if then is not None and then != now:
                    yield _moved(seen, words, (then, now))

    def _limit(
        self, kind: Kind, alert: Alert | None, seen: Sighting, rules: Rules
    ) -> Iterator[Change]:
        """Report a limit that is crossed, once each, and when the account is back within it."""
        before = self.crossed.pop(kind, None)
        if alert is None:
            if before is not None and _is_beyond(before, kind, seen):
                yield Change(seen.checked_at, Kind.RECOVERED, _RECOVERED[kind], seen.email, kind)
            return
        assert alert.threshold is not None  # every alert about a limit has one
        self.crossed[kind] = alert.threshold
        change = Change(
            seen.checked_at,
            kind,
            alert.text,
            seen.email,
            after=seen.balance if alert.due_at is None else _text_of(alert.due_at),
            reason=alert.reason,
            due_at=alert.due_at,
            balance=seen.balance,
            threshold=alert.threshold,
        )
        nearer = kind is Kind.EXPIRING and before is not None and alert.threshold < before
        yield from self._told_or_due(change, rules, is_new=before is None or nearer)


_RECOVERED: Final = {
    Kind.LOW_BALANCE: "balance is high enough again",
    Kind.EXPIRING: "the sign-in was renewed",
}


def _is_beyond(limit: float, kind: Kind, seen: Sighting) -> bool:
    """Whether an account is well by a limit that may have been another one when it was crossed."""
    if kind is Kind.LOW_BALANCE:
        return seen.balance is not None and seen.balance >= limit
    end = seen.refresh_token_expires_at or seen.token_expires_at
    return end is not None and (end - seen.checked_at).total_seconds() > limit


def _text_of(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _moved(seen: Sighting, words: str, ends: tuple[datetime, datetime]) -> Change:
    before, after = map(_text_of, ends)
    shown = len("2026-01-05") if before[:10] != after[:10] else len("2026-01-05T00:00")
    text = f"{words} until {before[:shown]} → {after[:shown]}".replace("T", " ")
    return Change(seen.checked_at, Kind.EXPIRY, text, seen.email, before, after)
