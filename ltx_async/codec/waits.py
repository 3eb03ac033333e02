"""How long a server asks to wait: `Retry-After`, or what its JSON body says instead."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ltx_async.codec.limits import stated_reset
from ltx_async.models import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 86_400.0
_ABSURD_COUNTS_AS = 3600.0
_DELAY = re.compile("[0-9]{1,10}(?:[.][0-9]{1,9})?")  # RFC 9110 10.2.3; servers send fractions too
_LONGEST_DATE = 40  # characters
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MONTH = "(?P<month>" + "|".join(_MONTHS) + ")"
_CLOCK = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_ZONE = "(?:GMT|UTC|[+-]0000)"  # of mail (RFC 5322 3.3), and of libraries that make such dates
_HTTP_DATES = (  # RFC 9110 5.6.7: IMF-fixdate, RFC 850, asctime; compiled when first needed
    f"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_CLOCK} {_ZONE}",
    f"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_CLOCK} {_ZONE}",
    f"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})",
)


def retry_after(
    headers: Mapping[str, str], body: Any, now: float, *, throttle: bool = False
) -> float | None:
    """Return the seconds a reply asks to wait, 0 for a moment that has passed.

    `retry-after-ms` comes first, then `Retry-After`, then the body. The result is rounded up to
    the millisecond, so that nobody asks again too early.

    Dates are judged against the reply's own `Date`, so that a wrong local clock
    does no harm. Junk counts as absent. More than a day counts as an hour: no server means
    so long a wait, and some send a timestamp where seconds are due.

    Args:
        headers: lower-case names; a repeated header's values joined with `, `.
        body: decoded JSON, or None.
        now: local time as seconds since the epoch, for a reply without `Date`.
        throttle: whether the reply is a 429; then stated limits count if nothing else says
            how long to wait.
    """
    date = http_date(headers.get("date", ""), now)
    moment = now if date is None else date
    wait = _from_milliseconds(headers.get("retry-after-ms", "").strip())
    if wait is None:
        wait = _from_text(headers.get("retry-after", "").strip(), moment)
    if wait is None:
        wait = _from_body(body, moment)
    if wait is None and throttle:
        wait = stated_reset(headers, moment)
    if wait is None:
        return None
    return _ABSURD_COUNTS_AS if wait > _LONGEST else math.ceil(round(wait * 1000, 3)) / 1000


def http_date(text: str, now: float) -> float | None:
    """Return an HTTP date (RFC 9110 5.6.7) as seconds since the epoch, None for junk."""
    for form in _HTTP_DATES:
        if found := re.fullmatch(form, text):
            part = found.groupdict()
            year = int(part["year"])
            if len(part["year"]) == 2:
                year = _full_year(year, now)
            return _timestamp(year, _MONTHS.index(part["month"]) + 1, part)
    return None


def _full_year(year: int, now: float) -> int:
    """Resolve two digits: over 50 years ahead means the past (RFC 9110 5.6.7)."""
    latest = (EPOCH + timedelta(seconds=now)).year + 50
    return latest - (latest - year) % 100


def _timestamp(year: int, month: int, part: Mapping[str, str]) -> float | None:
    day, hour, minute = int(part["day"]), int(part["hour"]), int(part["minute"])
    second = 59 if part["second"] == "60" else int(part["second"])  # a leap second
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _from_milliseconds(text: str) -> float | None:
    return float(text) / 1000 if _DELAY.fullmatch(text) else None


def _from_text(text: str, moment: float) -> float | None:
    if _DELAY.fullmatch(text):
        return float(text)
    if len(text) > _LONGEST_DATE or not text.isascii():
        return None
    date = http_date(text, moment)
    if date is None:
        date = _iso_date(text)
    return None if date is None else max(0.0, date - moment)


def _from_body(body: Any, moment: float) -> float | None:
    """Read `retryAfter`, `retryAt` or `retry_after`, also inside an `error` object."""
    if not isinstance(body, dict):
        return None
    inner = body.get("error")
    for source in (body, inner) if isinstance(inner, dict) else (body,):
        for name in ("retryAfter", "retryAt", "retry_after"):
            value = source.get(name)
            wait = _from_value(value, moment, seconds=name != "retryAt")
            if wait is not None:
                return wait
    return None


def _from_value(value: Any, moment: float, *, seconds: bool) -> float | None:
    if isinstance(value, str):
        return _from_text(value.strip(), moment)
    if not seconds or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < math.inf else None


def _iso_date(text: str) -> float | None:
    """Return an ISO 8601 date-time as seconds since the epoch; without a zone it is UTC."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
