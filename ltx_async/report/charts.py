"""The charts of the page, as plotly figures: plain data and layout, colours by CSS variable.

A point's `customdata` is the filter of the table that a click on it sets: a column, and the
`values`, or the bounds `low` ≤ value < `high`, that it has to have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ltx_async import wording
from ltx_async.models import EPOCH, Outcome
from ltx_async.report.balances import balances
from ltx_async.report.chart import NO_TEXT, Chart, axis_from_zero
from ltx_async.report.expiry import Stretch, calendar
from ltx_async.report.summary import Summary

_COLOURS: Final = {
    Outcome.OK: "--ok",
    Outcome.NEEDS_REAUTH: "--warn",
    Outcome.NOT_FOUND: "--missing",
    Outcome.INVALID: "--quiet",
    Outcome.FAILED: "--bad",
}
_TEXT_BESIDE: Final = {"textposition": "outside", "cliponaxis": False}
_LONG_MS: Final = 10_000
_LEGEND_ABOVE: Final = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


def charts(summary: Summary) -> tuple[Chart, ...]:
    """Return the charts of a summary, in the order of the page."""
    return (
        _outcomes(summary),
        balances(summary.balance),
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
        "xaxis": axis_from_zero(unit, lengths if whole else ()),
        "yaxis": {"autorange": "reversed", "showgrid": False},
        "hovermode": "y",
        "bargap": max(0.35, 1 - 0.2 * len(lengths)),
        "margin": {"r": 96},
    }


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
            "yaxis": axis_from_zero("accounts", [max(each[2], default=0) for each in ends]),
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
        "y": [count or None for count in counts],  # no bar and no text where none ends
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
        **NO_TEXT,
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
