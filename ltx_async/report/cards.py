"""The key figures as cards: a label, a value, a line of explanation."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from ltx_async.models import Outcome
from ltx_async.report.expiry import Expiry
from ltx_async.report.rowdata import NEEDS_ATTENTION, SIGN_IN_ENDS
from ltx_async.report.summary import Summary
from ltx_async.wording import OUTCOME_NAMES, counted, number, share, time_taken

_TROUBLES: Final = {
    Outcome.NEEDS_REAUTH: "to sign in again",
    Outcome.NOT_FOUND: "not found",
    Outcome.INVALID: "invalid",
    Outcome.FAILED: "failed",
}
_MILLION: Final = 1_000_000


@frozen
class Card:
    """One key figure.

    Attributes:
        tone: `ok`, `warn`, `bad` or empty; it sets the colour.
        filter: the label of the filter of the table that shows its accounts; empty for none.
    """

    label: str
    value: str
    note: str
    tone: str = ""
    filter: str = ""


def cards(summary: Summary) -> tuple[Card, ...]:
    """Return the key figures of a summary."""
    return (
        _attention(summary),
        _healthy(summary),
        _balance(summary),
        _ending("Sign-ins ending soon", summary.sign_ins, "warn"),
        _ending("Access tokens ending soon", summary.access_tokens, ""),
        _speed(summary),
    )


def _healthy(summary: Summary) -> Card:
    count = summary.outcomes[Outcome.OK]
    note = f"{number(count)} of {counted(summary.accounts, 'email')}"
    shown = OUTCOME_NAMES[Outcome.OK] if count else ""
    if not summary.accounts:
        return Card("Healthy accounts", number(None), "no results yet")
    return Card(
        "Healthy accounts", share(count, summary.accounts), note, "ok" if count else "bad", shown
    )


def _attention(summary: Summary) -> Card:
    parts = [
        _together(f"{summary.outcomes[outcome]:,} {words}")
        for outcome, words in _TROUBLES.items()
        if summary.outcomes[outcome]
    ]
    if summary.crossed:
        parts.append(_together(f"{summary.crossed:,} beyond a threshold"))
    tone = "warn" if summary.need_attention else "ok"
    shown = NEEDS_ATTENTION if summary.need_attention else ""
    note = "\u00a0· ".join(parts) or "nothing to do"
    return Card("Need attention", number(summary.need_attention), note, tone, shown)


def _balance(summary: Summary) -> Card:
    balance = summary.balance
    if not balance.known:
        return Card("Balance", number(None), "no balance in these results")
    median, lowest = number(balance.median), number(balance.lowest)
    note = f"LTX tokens; {_together(f'median {median}')}, {_together(f'lowest {lowest}')}"
    return Card("Balance", _total(balance.total), note)


def _together(words: str) -> str:
    """Return words joined so that no line breaks between them."""
    return words.replace(" ", "\u00a0")


def _total(value: float | None) -> str:
    """Return a number, without decimals where it is large: the table shows them."""
    return number(value if value is None or abs(value) < _MILLION else round(value))


def _ending(label: str, ends: Expiry, tone: str) -> Card:
    if not ends.known:
        return Card(label, number(None), "no dates in these results")
    ended = f"{ends.ended:,} had ended" if ends.ended else "none had ended"
    shown = SIGN_IN_ENDS if tone and ends.soon else ""
    note = f"within 7 days; {ended}"
    return Card(label, number(ends.soon), note, tone if ends.soon else "", shown)


def _speed(summary: Summary) -> Card:
    times = summary.latency_ms
    if not times:
        return Card("Median lookup", number(None), "nothing was sent")
    return Card("Median lookup", time_taken(times["p50"]), f"99% within {time_taken(times['p99'])}")
