"""When tokens and sign-ins end, by calendar week (Monday to Sunday, UTC)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from attrs import frozen

from ltx_async.report.arrays import Moments, microseconds, moment_of
from ltx_async.wording import day, full_day

_DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
_WEEK: Final = timedelta(days=7)
SOON: Final = timedelta(days=7)
"""What counts as ending soon."""

WEEKS_AHEAD: Final = 14
"""Weeks counted one by one: a sign-in lives about 90 days."""


@frozen
class Week:
    """How many end in the week that begins on the Monday `begins`."""

    begins: date
    count: int


@frozen
class Expiry:
    """The ends of one kind of token.

    Attributes:
        known: accounts that have such a date.
        ended: those whose date had passed at the moment that the results stand for.
        soon: those that end within SOON after that.
        weeks: WEEKS_AHEAD weeks, the current one first; what has ended is not in it.
        later: those that end after these weeks.
    """

    known: int
    ended: int
    soon: int
    weeks: tuple[Week, ...]
    later: int


def expiry(moments: Moments, as_of: datetime) -> Expiry:
    """Count the ends as seen at `as_of` (aware)."""
    now = microseconds(as_of)
    ahead = [end for end in moments.since() if end > now]
    days = Counter(end // _DAY for end in ahead)
    mondays: Counter[date] = Counter()
    for number, count in days.items():
        mondays[_monday_of(moment_of(number * _DAY).date())] += count
    first = _monday_of(as_of.date())
    weeks = tuple(
        Week(begins, mondays.pop(begins, 0))
        for begins in (first + n * _WEEK for n in range(WEEKS_AHEAD))
    )
    known = sum(1 for _ in moments.since())
    soon_over = microseconds(as_of + SOON)
    soon = sum(end <= soon_over for end in ahead)
    return Expiry(known, known - len(ahead), soon, weeks, mondays.total())


def _monday_of(one: date) -> date:
    return one - timedelta(days=min(one.weekday(), one.toordinal() - 1))


@frozen
class Stretch:
    """One stretch of the calendar: all that had ended, one week, or all that ends later.

    Attributes:
        label: a short name, such as `5 Jan`.
        phrase: what the ends in it do, such as `end in the week from 5 Jan 2026`.
        low: its first moment; None for no bound.
        high: the first moment after it, likewise.
        sign_ins: how many sign-ins end in it.
        access_tokens: how many access tokens do.
    """

    label: str
    phrase: str
    low: datetime | None
    high: datetime | None
    sign_ins: int
    access_tokens: int


def calendar(sign_ins: Expiry, access_tokens: Expiry, as_of: datetime) -> list[Stretch]:
    """Return the calendar up to the last stretch in which anything ends."""
    now = as_of + timedelta(milliseconds=1)
    end = _midnight(sign_ins.weeks[-1].begins + _WEEK)
    stretches = [
        Stretch("ended", "had ended", None, now, sign_ins.ended, access_tokens.ended),
        *(
            _week(mine, theirs.count, now)
            for mine, theirs in zip(sign_ins.weeks, access_tokens.weeks, strict=True)
        ),
        Stretch("later", "end later", end, None, sign_ins.later, access_tokens.later),
    ]
    while len(stretches) > 2 and not stretches[-1].sign_ins + stretches[-1].access_tokens:
        stretches.pop()
    return stretches


def _week(sign_ins: Week, access_tokens: int, now: datetime) -> Stretch:
    begins = sign_ins.begins
    return Stretch(
        label=day(begins),
        phrase=f"end in the week from {full_day(begins)}",
        low=max(now, _midnight(begins)),
        high=_midnight(begins + _WEEK),
        sign_ins=sign_ins.count,
        access_tokens=access_tokens,
    )


def _midnight(begins: date) -> datetime:
    return datetime.combine(begins, time(), UTC)
