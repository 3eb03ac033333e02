"""What has changed between two runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from ltx_async.models import Outcome, timestamp
from ltx_async.report.records import Records
from ltx_async.report.results import Results
from ltx_async.results.record import Record

_BROKEN: Final = frozenset({Outcome.NEEDS_REAUTH, Outcome.NOT_FOUND, Outcome.INVALID})


class ChangeKind(StrEnum):
    """What became of an email since; the worst comes first, and an email has one only."""

    BROKEN = "newly broken"
    UNANSWERED = "no answer now"
    GONE = "gone"
    RECOVERED = "recovered"
    NEW = "new"
    MOVED = "balance moved"


@frozen
class Change:
    """One email that differs; `before` is None for a new one, `after` for one that is gone."""

    email: str
    kind: ChangeKind
    before: Record | None
    after: Record | None

    @property
    def moved(self) -> float | None:
        """LTX tokens more (or, negative, fewer) than before; None where unknown, or too many."""
        if self.before is None or self.after is None:
            return None
        if self.before.balance is None or self.after.balance is None:
            return None
        return _told(self.after.balance - self.before.balance)


@frozen
class Comparison:
    """Two runs side by side.

    Attributes:
        since: the older results file.
        since_as_of: when its last record was checked.
        changes: emails that differ, by kind in the order of ChangeKind.
        remarks: what is odd about the comparison, a sentence each.
    """

    since: str
    since_as_of: datetime | None
    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()

    def counts(self) -> dict[ChangeKind, int]:
        """Return the number of emails by kind; every kind is a key."""
        kinds = [change.kind for change in self.changes]
        return {kind: kinds.count(kind) for kind in ChangeKind}

    @property
    def moved(self) -> float | None:
        """LTX tokens by which all balances known twice have moved together; None for too many."""
        return _told(sum(change.moved or 0 for change in self.changes))

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "since": self.since,
            "since_as_of": self.since_as_of and timestamp(self.since_as_of),
            "counts": self.counts(),
            "balance_moved": self.moved,
            "changes": [_change_as_json(change) for change in self.changes],
            "remarks": list(self.remarks),
        }


def _told(difference: float) -> float | None:
    """Return a difference if it is a number: that of two huge ones is infinite, unknown to JSON."""
    return difference if math.isfinite(difference) else None


def _change_as_json(change: Change) -> dict[str, Any]:
    return {
        "email": change.email,
        "kind": change.kind,
        "before": change.before and change.before.outcome,
        "after": change.after and change.after.outcome,
        "balance_moved": change.moved,
        "trouble": change.after and change.after.error,
    }


def compare(older: Results, newer: Results) -> Comparison:
    """Compare two runs, email by email; the case of a domain makes no difference.

    An email is newly broken when the newer run found its account broken, missing or its
    address refused, and the older one did not. A lookup that failed says nothing about the
    account: that is "no answer now", and no recovery follows from it.
    """
    order = list(ChangeKind)
    found = _changes(older.records, newer.records)
    changes = sorted(found, key=lambda change: order.index(change.kind))
    return Comparison(
        older.name,
        older.as_of,
        tuple(changes),
        (*(f"Older results: {text}" for text in older.remarks), *_doubts(older, newer)),
    )


def _changes(older: Records, newer: Records) -> Iterator[Change]:
    for before in older:
        after = newer.find(before.email)
        if (kind := _kind(before, after)) is not None:
            yield Change(before.email if after is None else after.email, kind, before, after)
    for after in newer:
        if older.find(after.email) is None:
            yield Change(after.email, ChangeKind.NEW, None, after)


def _kind(before: Record, after: Record | None) -> ChangeKind | None:
    if after is None:
        return ChangeKind.GONE
    if after.outcome in _BROKEN and before.outcome not in _BROKEN:
        return ChangeKind.BROKEN
    if after.outcome is Outcome.FAILED and before.outcome is not Outcome.FAILED:
        return ChangeKind.UNANSWERED
    if after.outcome is Outcome.OK and before.outcome in _BROKEN:
        return ChangeKind.RECOVERED
    both_known = before.balance is not None and after.balance is not None
    return ChangeKind.MOVED if both_known and before.balance != after.balance else None


def _doubts(older: Results, newer: Results) -> Iterator[str]:
    if older.as_of is not None and newer.as_of is not None and older.as_of > newer.as_of:
        yield f"The results to compare with, {older.name}, are the newer ones."
    if older.base_urls and newer.base_urls and older.base_urls.keys() != newer.base_urls.keys():
        places = ", ".join(older.base_urls)
        yield f"The results to compare with, {older.name}, were asked for at {places}."
