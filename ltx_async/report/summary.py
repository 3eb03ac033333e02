"""The key figures of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from heapq import nlargest
from operator import itemgetter
from typing import Any, Final

from attrs import asdict, field, frozen
from attrs.filters import exclude

from ltx_async.alerts import Attention, Thresholds
from ltx_async.models import EPOCH, Outcome, timestamp
from ltx_async.reasons import Reason, Reasons
from ltx_async.reasons import as_json as reasons_as_json
from ltx_async.report.distribution import Bin, bins, percentile
from ltx_async.report.expiry import Expiry, expiry
from ltx_async.report.records import Records
from ltx_async.report.results import Results
from ltx_async.results.record import Record
from ltx_async.wording import counted

PERCENTILES: Final = {"p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99, "max": 100}
"""Names of the percentiles of the time that lookups took."""

_MOST_SLOWEST: Final = 10
_MOST_BINS: Final = 30
_NO_THRESHOLDS: Final = Thresholds()


@frozen
class Balance:
    """LTX tokens, over the accounts whose balance is known; None without any.

    Attributes:
        known: how many accounts those are.
        total: their sum; None where it cannot be told in a number.
        bins: the histogram, ascending.
    """

    known: int
    total: float | None
    median: float | None
    lowest: float | None
    highest: float | None
    bins: tuple[Bin, ...]


@frozen
class Summary:
    """What a report tells of one run.

    Attributes:
        results: the file it is about.
        accounts: emails in it.
        base_urls: emails by the base URL that was asked, as far as that is known.
        as_of: when the last of them was checked; expiry is judged at that moment.
        age: how long ago that was; None where that is not known.
        outcomes: emails by outcome; every outcome is a key.
        balance: LTX tokens left.
        sign_ins: ends of the refresh tokens: then a person has to sign in again.
        access_tokens: ends of the access tokens, which the service renews.
        latency_ms: milliseconds of a lookup by name of the percentile; empty where none was sent.
        slowest: the records that took longest, first the slowest.
        reasons: how many lookups failed for each reason, the most frequent first.
        attention: the emails that need somebody, the most urgent first.
        remarks: what was wrong with the file, a sentence each.
    """

    results: str
    accounts: int
    as_of: datetime | None
    outcomes: Mapping[Outcome, int] = field(hash=False)
    balance: Balance
    sign_ins: Expiry
    access_tokens: Expiry
    latency_ms: Mapping[str, float] = field(hash=False)
    slowest: tuple[Record, ...]
    reasons: Mapping[Reason, int] = field(hash=False)
    attention: tuple[Attention, ...] = ()
    age: timedelta | None = None
    remarks: tuple[str, ...] = ()
    base_urls: Mapping[str, int] = field(factory=dict, hash=False)

    @property
    def base_url(self) -> str | None:
        """Where all of them were asked for, as far as they tell; None for several or no place."""
        return next(iter(self.base_urls)) if len(self.base_urls) == 1 else None

    @property
    def need_attention(self) -> int:
        """How many emails need somebody."""
        return len(self.attention)

    @property
    def crossed(self) -> int:
        """How many emails need somebody for a threshold alone."""
        return self.need_attention - (self.accounts - self.outcomes[Outcome.OK])

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values; moments as ISO 8601, UTC."""
        figures = asdict(self, filter=_PLAIN, value_serializer=_json_value)
        figures["slowest"] = [
            {"email": one.email, "elapsed_ms": one.elapsed_ms, "attempts": one.attempts}
            for one in self.slowest
        ]
        figures["reasons"] = reasons_as_json(self.reasons)
        figures["attention"] = [one.as_json() for one in self.attention]
        return figures


_PLAIN: Final = exclude("reasons", "attention", "age")  # `as_json` rewrites the first two


def _json_value(_instance: Any, _attribute: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    return value.isoformat() if isinstance(value, date) else value


def summarise(
    results: Results,
    *,
    thresholds: Thresholds = _NO_THRESHOLDS,
    now: datetime | None = None,
    most_bins: int = _MOST_BINS,
) -> Summary:
    """Work out the key figures of results.

    Args:
        results: what they are about.
        thresholds: whom somebody is needed for, besides those that are not well.
        now: when that is asked, aware; when the last was checked for None.
        most_bins: bins of the histogram of balances, at most.
    """
    records, as_of = results.records, results.as_of
    age = None if now is None or as_of is None else now - as_of
    now = now or as_of or EPOCH
    base_urls = results.base_urls
    outcomes = records.counts("outcome")
    latency_ms, slowest = _times(records)
    return Summary(
        results=results.name,
        accounts=len(records),
        as_of=as_of,
        outcomes={outcome: outcomes[outcome] for outcome in Outcome},
        balance=_balance(records.column("balance").known(), most_bins),
        sign_ins=expiry(records.moments("refresh_token_expires_at"), as_of or now),
        access_tokens=expiry(records.moments("token_expires_at"), as_of or now),
        latency_ms=latency_ms,
        slowest=slowest,
        reasons=_reasons(records),
        age=age,
        attention=tuple(sorted(results.attention(thresholds, now))),
        remarks=(*results.remarks, *_several(base_urls)),
        base_urls=base_urls,
    )


def _several(base_urls: Mapping[str, int]) -> Iterator[str]:
    if len(base_urls) > 1:
        parts = ", ".join(f"{url} ({counted(count, 'email')})" for url, count in base_urls.items())
        yield f"Asked at {len(base_urls)} base URLs: {parts}."


def _reasons(records: Records) -> dict[Reason, int]:
    reasons = Reasons()
    for one in records.where("outcome", lambda outcome: outcome is Outcome.FAILED):
        reasons.add(one.reason, one.email)
    return reasons.counted()


def _balance(balances: Iterable[float], most_bins: int) -> Balance:
    known = sorted(balances)
    if not known:
        return Balance(0, None, None, None, None, ())
    total = sum(known)
    return Balance(
        known=len(known),
        total=total if math.isfinite(total) else None,
        median=percentile(known, 50),
        lowest=known[0],
        highest=known[-1],
        bins=bins(known, at_most=most_bins),
    )


def _times(records: Records) -> tuple[dict[str, float], tuple[Record, ...]]:
    """Return the percentiles of the times that lookups took, and those that took longest."""
    columns = zip(records.column("elapsed_ms"), records.column("attempts"), strict=True)
    sent = [elapsed if attempts else None for elapsed, attempts in columns]
    known = ((elapsed, row) for row, elapsed in enumerate(sent) if elapsed is not None)
    slowest = nlargest(_MOST_SLOWEST, known, key=itemgetter(0))
    times = sorted(elapsed for elapsed in sent if elapsed is not None)
    latency = {name: percentile(times, percent) for name, percent in PERCENTILES.items() if times}
    return latency, tuple(records[row] for _, row in slowest)
