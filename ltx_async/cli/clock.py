"""The server's clock, as `doctor` compares it with this machine's."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from ltx_async.cli.checks import Finding, Verdict

_SKEW: Final = 30.0
_HALF_A_SECOND: Final = 0.5  # a `Date` leaves the fraction out


def clock_found(date: str) -> Finding:
    """Compare this machine's clock with a `Date`."""
    try:
        theirs = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return Finding("clock", Verdict.OK, "not compared: the reply has no date")
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    skew = (datetime.now(UTC) - theirs).total_seconds() - _HALF_A_SECOND
    text = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} the server's"
    if abs(skew) > _SKEW:
        hint = "Set this machine's clock: certificates and expiry alerts depend on it."
        return Finding("clock", Verdict.WARN, text, hint)
    return Finding("clock", Verdict.OK, text)
