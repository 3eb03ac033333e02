"""The charts of the page, as plotly figures: plain data and layout, colours by CSS variable.

A point's `customdata` is the filter of the table that a click on it sets: a column, and the
`values`, or the bounds `low` ≤ value < `high`, that it has to have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from ltx_async.models import EPOCH, Outcome
from ltx_async.report import wording
from ltx_async.report.distribution import Bin
from ltx_async.report.expiry import Stretch, calendar
from ltx_async.report.summary import Balance, Summary

_COLOURS: Final = {
    Outcome.OK: "--ok",
    Outcome.NEEDS_REAUTH: "--warn",
    Outcome.NOT_FOUND: "--missing",
    Outcome.INVALID: "--quiet",
    Outcome.FAILED: "--bad",
}
_NO_TEXT: Final = {"textposition": "none"}
_TEXT_BESIDE: Final = {"textposition": "outside", "cliponaxis": False}
_FEW: Final = 6
_LONG_MS: Final = 10_000
_LEGEND_ABOVE: Final = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


@frozen
class Chart:
    """One chart, and its figures as a table for those who cannot see it.

    Attributes:
        key: its name in the page.
        title: what it shows.
        note: what its reader has to know.
        columns: the heads of the table.
        table: its rows.
        empty: what to say where there is nothing to draw.
        data: plotly's traces; none where there is nothing to draw.
        layout: plotly's layout, without what the page sets for all charts.
    """

    key: str
    title: str
    note: str
    columns: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    empty: str
    data: tuple[dict[str, Any], ...]
    layout: dict[str, Any]


def charts(summary: Summary) -> tuple[Chart, ...]:
    """Return the charts of a summary, in the order of the page."""
    return (
        _outcomes(summary),
        _balances(summary.balance),
        _expiry(summary),
        _latency(summary.latency_ms),
    )


def _outcomes(summary: Summary) -> Chart:
    known = [(outcome, count) for outcome, count in summary.outcomes.items() if count]
    table = [
        (wording.OUTCOME_NAMES[outcome], f"{count:,}", wording.share(count, summary.accounts))
        for outcome, count in known
    ]
    trace = {
        **_bars_to_the_right([name for name, _, _ in table], [count for _, count in known]),
        "text": [f"{count} · {share}" for _, count, share in table],
        "customdata": [outcome_filter(outcome) for outcome, _ in known],
        "marker": {"color": [_COLOURS[outcome] for outcome, _ in known]},
    }
    return Chart(
        "outcomes",
        "Outcomes",
        "What became of each email.",
        ("Outcome", "Emails", "Share"),
        tuple(table),
        "No emails in these results.",
        (trace,) if known else (),
        _layout_to_the_right("emails", [count for _, count in known], whole=True),
    )


def outcome_filter(*outcomes: Outcome) -> dict[str, Any]:
    """Return the filter of the table that keeps these outcomes."""
    label = ", ".join(wording.OUTCOME_NAMES[outcome] for outcome in outcomes)
    return {"column": "outcome", "values": list(outcomes), "label": label}


def _bars_to_the_right(names: Sequence[str], lengths: Sequence[float]) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(names),
        "x": list(lengths),
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        **_TEXT_BESIDE,
    }


def _layout_to_the_right(
    unit: str, lengths: Sequence[float], *, whole: bool = False
) -> dict[str, Any]:
    return {
        "xaxis": _axis_from_zero(unit, lengths if whole else ()),
        "yaxis": {"autorange": "reversed", "showgrid": False},
        "hovermode": "y",
        "bargap": max(0.35, 1 - 0.2 * len(lengths)),
        "margin": {"r": 96},
    }


def _axis_from_zero(unit: str, counts: Sequence[float] = ()) -> dict[str, Any]:
    """Return an axis; where small `counts` are drawn, no tick stands at half an account."""
    ticks = {"dtick": 1} if counts and max(counts) < _FEW else {}
    return {"title": {"text": unit}, "rangemode": "tozero", **ticks}


def _balances(balance: Balance) -> Chart:
    bins = balance.bins
    spans = [wording.span(each.low, each.high) for each in bins]
    is_drawn = bool(bins) and bins[0].low is not None
    note = f"LTX Studio tokens left, in {wording.counted(balance.known, 'account')}."
    return Chart(
        "balances",
        "Balance",
        note + _open_end(balance),
        ("LTX Studio tokens", "Accounts"),
        tuple((span, f"{each.count:,}") for span, each in zip(spans, bins, strict=True)),
        "These balances are too large to draw." if bins else "No balances in these results.",
        (_histogram(bins, spans),) if is_drawn else (),
        {
            "xaxis": {"title": {"text": "LTX Studio tokens"}, "showgrid": False, **_few_bins(bins)},
            "yaxis": _axis_from_zero("accounts", [each.count for each in bins]),
            "bargap": 0,
            "hovermode": "x",
        },
    )


def _few_bins(bins: Sequence[Bin]) -> dict[str, Any]:
    """Return what keeps ticks at the bounds of few bins, and one bin from filling the chart."""
    if not bins or bins[0].low is None or len(bins) > _FEW:
        return {}
    width = _width(bins)
    room = width if len(bins) == 1 else 0.0
    low, high = bins[0].low - room, bins[0].low + len(bins) * width + room
    return {"tick0": bins[0].low, "dtick": width, "range": [low, high]}


def _width(bins: Sequence[Bin]) -> float:
    return next((b.high - b.low for b in bins if b.low is not None and b.high is not None), 1.0)


def _histogram(bins: Sequence[Bin], spans: Sequence[str]) -> dict[str, Any]:
    width = _width(bins)
    return {
        "type": "bar",
        "x": [(0.0 if each.low is None else each.low) + width / 2 for each in bins],
        "y": [each.count for each in bins],
        "width": width,
        "text": list(spans),
        "customdata": [
            {"column": "balance", "low": each.low, "high": each.high, "label": f"Balance {span}"}
            for each, span in zip(bins, spans, strict=True)
        ],
        "hovertemplate": "%{text} tokens<br>%{y:,} accounts<extra></extra>",
        "marker": {"color": "--accent", "line": {"width": 1, "color": "--card"}},
        **_NO_TEXT,
    }


def _open_end(balance: Balance) -> str:
    if not balance.bins or balance.bins[-1].low is None or balance.bins[-1].high is not None:
        return ""
    return f" The last bar holds all from there up to {wording.number(balance.highest)}."


def _expiry(summary: Summary) -> Chart:
    stretches = []
    if summary.as_of is not None and summary.sign_ins.known + summary.access_tokens.known:
        stretches = calendar(summary.sign_ins, summary.access_tokens, summary.as_of)
    ends = (
        ("Sign-ins", "sign_in", [each.sign_ins for each in stretches], "--warn"),
        ("Access tokens", "token", [each.access_tokens for each in stretches], "--accent"),
    )
    return Chart(
        "expiry",
        "Sign-ins and access tokens ending",
        "By week, from Monday, UTC. A sign-in that ended needs a person; access tokens are"
        " renewed by the service.",
        ("Week from", "Sign-ins", "Access tokens"),
        tuple((each.label, f"{each.sign_ins:,}", f"{each.access_tokens:,}") for each in stretches),
        "No dates in these results.",
        tuple(_ends(stretches, *each) for each in ends) if stretches else (),
        {
            "xaxis": {"type": "category", "showgrid": False, "title": {"text": "week from"}},
            "yaxis": _axis_from_zero("accounts", [max(each[2], default=0) for each in ends]),
            "barmode": "group",
            "bargap": 0.4,
            "hovermode": "x",
            "showlegend": True,
            "legend": _LEGEND_ABOVE,
        },
    )


def _ends(
    stretches: Sequence[Stretch], name: str, column: str, counts: list[int], colour: str
) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": [each.label for each in stretches],
        "y": [count or None for count in counts],  # nothing to tell of where none ends
        "text": [each.phrase for each in stretches],
        "customdata": [
            {
                "column": column,
                "low": each.low and epoch_ms(each.low),
                "high": each.high and epoch_ms(each.high),
                "label": f"{name} that {each.phrase}",
            }
            for each in stretches
        ],
        "hovertemplate": f"%{{y:,}} {name.lower()}<br>%{{text}}<extra></extra>",
        "marker": {"color": colour},
        **_NO_TEXT,
    }


def epoch_ms(moment: datetime) -> int:
    """Return a moment as JavaScript counts time: milliseconds since 1970, UTC."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _latency(latency_ms: Mapping[str, float]) -> Chart:
    times = list(latency_ms.values())
    texts = list(map(wording.time_taken, times))
    unit, size = ("seconds", 1000) if max(times, default=0) >= _LONG_MS else ("milliseconds", 1)
    trace = {
        **_bars_to_the_right(list(latency_ms), [time / size for time in times]),
        "text": texts,
        "customdata": [
            {"column": "elapsed", "low": time, "high": None, "label": f"Took {text} or more"}
            for time, text in zip(times, texts, strict=True)
        ],
        "marker": {"color": "--accent"},
    }
    return Chart(
        "latency",
        "Time per lookup",
        "From the first attempt to the result, with retries and waits. Half of the lookups"
        " took at most p50, 99% of them at most p99.",
        ("Percentile", "Time"),
        tuple(zip(latency_ms, texts, strict=True)),
        "Nothing was sent.",
        (trace,) if times else (),
        _layout_to_the_right(unit, times),
    )
