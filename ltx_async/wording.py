"""Texts that more than one room needs: numbers, times, dates, and text that a terminal can show."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ltx_async.models import Outcome
from ltx_async.reasons import Reason

OUTCOME_NAMES: Final = {
    Outcome.OK: "OK",
    Outcome.NEEDS_REAUTH: "Needs sign-in",
    Outcome.NOT_FOUND: "Not found",
    Outcome.INVALID: "Invalid email",
    Outcome.FAILED: "Lookup failed",
}
UNKNOWN: Final = "—"
NOT_SERVED: Final = "Nothing listens there; `ltx-async serve` starts a server on this machine."
_COMMAND: Final = "ltx-async "
_LEAST: Final = 20
_LONGEST_REASON: Final = 240


def number(value: float | None) -> str:
    """Return a number with thousands separators, two decimals at most; UNKNOWN for None."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else _short(value)


def _short(value: float) -> str:
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def signed(value: float | None) -> str:
    """Return a number with its sign, zero without; UNKNOWN for None."""
    return f"+{number(value)}" if value is not None and value > 0 else number(value)


def share(part: int, whole: int) -> str:
    """Return a percentage that says 0% and 100% only where that is exact."""
    if part in (0, whole):
        return "0%" if part == 0 else "100%"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f}%"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in the singular or plural."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def alternatives(names: Iterable[str]) -> str:
    """Return names for people to choose from, such as `a, b or c`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def time_taken(milliseconds: float | None) -> str:
    """Return a time in ms, or in seconds from ten seconds on."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds >= 10_000:
        return f"{milliseconds / 1000:,.1f} s"
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"


def spoken(seconds: float) -> str:
    """Return a time span as options take it, such as `5m` or `7d`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size:g}{unit}"
    return f"{seconds:g}s"


def day(value: date) -> str:
    """Return a date without its year, such as `5 Jan`."""
    return f"{value.day} {value:%b}"


def full_day(value: date) -> str:
    """Return a date such as `5 Jan 2026`."""
    return f"{day(value)} {value.year}"


def moment(value: datetime | None) -> str:
    """Return a UTC moment such as `5 Jan 2026, 14:03 UTC`; UNKNOWN for None."""
    return UNKNOWN if value is None else f"{full_day(value.date())}, {value:%H:%M} UTC"


def time_ago(span: timedelta) -> str:
    """Return a time since something happened, such as `3 days ago`; `just now` below a minute."""
    seconds = span.total_seconds()
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"


def counted_from(now: datetime, end: datetime) -> str:
    """Return a moment as days of the calendar from `now` on, with its date beside it.

    Such as `in 3 days (2026-01-05)`, `tomorrow (2026-01-03)`, `today at 14:03 UTC (2026-01-02)`,
    `2 days ago (2025-12-31)`. Both are aware; the calendar is that of UTC, as the date shown is.
    """
    now, end = now.astimezone(UTC), end.astimezone(UTC)
    days = (end.date() - now.date()).days
    near = {-1: "yesterday", 0: f"today at {end:%H:%M} UTC", 1: "tomorrow"}
    far = f"in {days:,} days" if days > 0 else f"{-days:,} days ago"
    return f"{near.get(days, far)} ({end:%Y-%m-%d})"


def span(low: float | None, high: float | None) -> str:
    """Return the bounds of a bin: two numbers, or one as in `5,000 and more`."""
    if low is None:
        return "all of them"
    return f"{number(low)} and more" if high is None else f"{number(low)} to {number(high)}"


def inert(text: str) -> str:
    r"""Return `text` as one line in which nothing moves, colours or reverses anything.

    Control characters (C0, DEL, C1), bidirectional and other format characters, line and
    paragraph separators, lone surrogates and unassigned code points become escapes such as
    `\x1b` and `\u202e`. Markup is no concern here: nothing is ever printed as rich markup.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else escaped(char) for char in text)


def escaped(char: str) -> str:
    r"""Return the escape that stands for a character, such as `\x1b`."""
    return char.encode("unicode_escape").decode("ascii")


def clipped(text: str, width: int) -> str:
    """Return `text` made inert and cut to `width` characters, the cut shown as `…`."""
    # Cut first: escaping a megabyte in order to show a line of it would be a waste.
    line = inert(text[: width + 1])
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"


def wrapped(text: str, width: int | None, *, indent: int = 2) -> list[str]:
    """Return `text` as lines of at most `width` characters, broken between words alone.

    A longer word, a path or a URL, keeps a line to itself and is left whole, so that it can be
    copied. A command goes on after a backslash, as a shell reads it.

    Args:
        text: one line, inert.
        width: None for no limit.
        indent: spaces before each line but the first.
    """
    if width is None or len(text) <= width:
        return [text]
    is_command = text.lstrip().startswith(_COMMAND)
    lines = textwrap.wrap(
        text,
        max(_LEAST, width - 2 * is_command),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:] if is_command else lines


def allowed(rate: float) -> str:
    """Say how many requests per second a server seems to allow."""
    figure = f"{rate:,.0f}" if rate >= 9.5 else f"{rate:.2g}"
    return f"about {figure} a second is allowed"


def sentence(text: str) -> str:
    """Return `text` with a full stop, unless it ends in punctuation already."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def why(reason: Reason, count: int) -> str:
    """Say how many lookups failed for a reason, what it is, and what to do."""
    message = clipped(reason.message, _LONGEST_REASON)
    advice = clipped(reason.advice, _LONGEST_REASON)
    return f"{count:,} × {sentence(message)} {advice}".rstrip()
