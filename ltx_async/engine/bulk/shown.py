"""Lookups as a notebook shows them: a bounded table, with all text from servers escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from ltx_async.models import Lookup, Outcome, Stats, trouble_of
from ltx_async.wording import inert

_MOST_ROWS: Final = 50
_LONGEST_CELL: Final = 200


class Lookups(list[Lookup]):
    """A list of lookups, which a notebook shows as a table; its `repr` lists nobody."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{self._counted()}>"

    def _counted(self) -> str:
        found = Counter(lookup.outcome for lookup in self)
        return f"{len(self):,} lookups{_outcomes(found)}"

    def _repr_html_(self) -> str:
        """Return a table of the first 50, without cookies."""
        rows = [_row(lookup) for lookup in islice(self, _MOST_ROWS)]
        more = len(self) - len(rows)
        rest = f"<p>and {more:,} more; pandas.DataFrame(l.to_row() for l in …) has them all</p>"
        head = _cells(("email", "outcome", "balance", "sign-in ends", "what is wrong"), "th")
        body = "".join(rows)
        return (
            f"<table><caption>{_escaped(self._counted())}</caption>"
            f"<thead>{head}</thead><tbody>{body}</tbody></table>{rest if more else ''}"
        )


def html_of(stats: Stats, state: str) -> str:
    """Return where a run stands as a table of two columns."""
    per_second = None if stats.per_second is None else f"{stats.per_second:,.1f}"
    p50 = None if stats.latency_p50 is None else f"{stats.latency_p50 * 1000:,.1f} ms"
    figures = {
        "finished": f"{stats.finished:,}{_outcomes(stats.outcomes)}",
        "pending": f"{stats.pending:,}",
        "per second": per_second,
        "requests": f"{stats.requests:,}, {stats.retries:,} retries, {stats.throttles:,} throttles",
        "median reply": p50,
    }
    rows = "".join(_cells((name, text)) for name, text in figures.items() if text is not None)
    return f"<table><caption>{_escaped(state)}</caption><tbody>{rows}</tbody></table>"


def _outcomes(counted: Mapping[Outcome, int]) -> str:
    said = [f"{counted[one]:,} {one.value}" for one in Outcome if counted.get(one)]
    return f": {', '.join(said)}" if said else ""


def _row(lookup: Lookup) -> str:
    account = lookup.account
    ends = None if account is None else account.refresh_token_expires_at
    return _cells(
        (
            lookup.email,
            lookup.outcome.value,
            None if account is None else account.token_balance,
            None if ends is None else f"{ends:%Y-%m-%d}",
            trouble_of(lookup),
        )
    )


def _cells(values: Iterable[object], tag: str = "td") -> str:
    texts = ("" if value is None else inert(str(value))[:_LONGEST_CELL] for value in values)
    return f"<tr>{''.join(f'<{tag}>{_escaped(text)}</{tag}>' for text in texts)}</tr>"


def _escaped(text: str) -> str:
    from html import escape  # noqa: PLC0415 - takes time to load, and few are in a notebook

    return escape(text)
