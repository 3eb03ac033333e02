"""The records of an output that is continued: what stays, and what is asked for again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import define, field, frozen

from ltx_async.models import Outcome
from ltx_async.results.usual_record import Brief


@frozen
class Renewal:
    """Says of which records of an earlier run the emails are asked for again.

    Such a record stays until a new one is written in its place.

    Attributes:
        outcomes: those with one of these.
        before: those checked earlier than this; None for none.
    """

    outcomes: frozenset[Outcome] = frozenset()
    before: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.outcomes) or self.before is not None

    def concerns(self, record: Brief) -> bool:
        """Whether the email of a record is asked for again."""
        if self.before is not None and record.checked_at < self.before:
            return True
        return record.outcome in self.outcomes


@define
class EarlierRecords:
    """Counts the records that are found in an output which is continued, and hands them on.

    Attributes:
        on_record: is given each that is not asked for again.
        renewal: which are asked for again.
        count: the others, so far.
        again: records that are asked for again, so far.
        oldest: when the oldest of them was checked.
        base_urls: which they were asked at, as far as they tell.
        remarks: what else users should know about the output, half a sentence each.
    """

    on_record: Callable[[Brief], None] = lambda _: None
    renewal: Renewal = field(factory=Renewal)
    count: int = field(default=0, init=False)
    again: int = field(default=0, init=False)
    oldest: datetime | None = field(default=None, init=False)
    base_urls: set[str] = field(factory=set, init=False)
    remarks: list[str] = field(factory=list, init=False)

    def add(self, record: Brief) -> None:
        """Take a record that is not asked for again."""
        self.count += 1
        checked_at, base_url = record.checked_at, record.base_url
        if self.oldest is None or checked_at < self.oldest:
            self.oldest = checked_at
        if base_url is not None:
            self.base_urls.add(base_url)
        self.on_record(record)
