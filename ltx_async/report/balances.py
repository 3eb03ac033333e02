"""The histogram of balances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ltx_async import wording
from ltx_async.report.chart import FEW, NO_TEXT, Chart, axis_from_zero
from ltx_async.report.distribution import Bin
from ltx_async.report.summary import Balance


def balances(balance: Balance) -> Chart:
    """Return the chart of what is left on the accounts."""
    bins = balance.bins
    spans = [wording.span(each.low, each.high) for each in bins]
    is_drawn = bool(bins) and bins[0].low is not None
    note = f"LTX tokens left, in {wording.counted(balance.known, 'account')}."
    return Chart(
        "balances",
        "Balance",
        note + _open_end(balance),
        ("LTX tokens", "Accounts"),
        tuple((span, f"{each.count:,}") for span, each in zip(spans, bins, strict=True)),
        "These balances are too large to draw." if bins else "No balances in these results.",
        (_histogram(bins, spans),) if is_drawn else (),
        {
            "xaxis": {"title": {"text": "LTX tokens"}, "showgrid": False, **_few_bins(bins)},
            "yaxis": axis_from_zero("accounts", [each.count for each in bins]),
            "bargap": 0,
            "hovermode": "x",
        },
    )


def _few_bins(bins: Sequence[Bin]) -> dict[str, Any]:
    """Return what keeps ticks at the bounds of few bins, and one bin from filling the chart."""
    if not bins or bins[0].low is None or len(bins) > FEW:
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
        **NO_TEXT,
    }


def _open_end(balance: Balance) -> str:
    if not balance.bins or balance.bins[-1].low is None or balance.bins[-1].high is not None:
        return ""
    return f" The last bar holds all from there up to {wording.number(balance.highest)}."
