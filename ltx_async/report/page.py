"""The HTML page: one file that needs nothing else, under a strict Content-Security-Policy.

Whatever the server said reaches the page escaped, or as JSON in a block that no browser runs,
and from there the document as text nodes only.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from importlib import import_module
from importlib.resources import files
from string import Template
from typing import Any, Final

from ltx_async._version import __version__
from ltx_async.report.cards import Card, cards
from ltx_async.report.chart import Chart
from ltx_async.report.charts import charts, epoch_ms
from ltx_async.report.comparison import Comparison
from ltx_async.report.results import Results
from ltx_async.report.rowdata import OUTCOME_LABELS, account_table, change_table
from ltx_async.report.summary import Summary
from ltx_async.wording import counted, moment, signed, why

_ASSETS: Final = files("ltx_async.report") / "assets"
# JSON inside <script> ends at `</script>` only; `&` and the line separators are for older tools.
_IN_SCRIPT: Final = str.maketrans(
    {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
)
_LONG: Final = 10
_LONGER: Final = 15
_HINT: Final = '<p class="note">Choose a bar of a chart to see its accounts here.</p>'
_MAP_STYLE: Final = re.compile(r'document\.getElementById\("([0-9a-f]{64})"\)')


class MissingPlotlyError(Exception):
    """The extra `report` is not installed."""


def plotly_script() -> str:
    """Return plotly.js, about 5 MB, from the installed plotly.

    Raises:
        MissingPlotlyError: plotly is not installed.
    """
    try:
        plotly = import_module("plotly.offline")
    except ImportError:
        raise MissingPlotlyError from None
    return str(plotly.get_plotlyjs())


def render_page(
    summary: Summary,
    results: Results,
    comparison: Comparison | None = None,
    *,
    plotly: str,
) -> bytes:
    """Return the page as UTF-8.

    Args:
        summary: the key figures of `results`.
        results: what the table shows.
        comparison: what has changed since an older run.
        plotly: the source of plotly.js.
    """
    drawn = charts(summary)
    style = _asset("page.css")
    first, last = _asset("table.js"), _asset("charts.js")
    page = Template(_asset("page.html")).substitute(
        policy=_policy((first, plotly, last), (style, "")),
        style=style,
        plotly_styles=_plotly_styles(plotly),
        heading=_heading(summary),
        remarks=_remarks(summary, comparison),
        cards="".join(map(_card, cards(summary))),
        reasons=_reasons(summary),
        changes="" if comparison is None else _changes(comparison),
        charts="".join(map(_figure, drawn)),
        hint=_HINT if any(each.data for each in drawn) else "",
        data=json_in_script(_data(summary, results, comparison, drawn)),
        tables=first,
        plotly=plotly,
        drawing=last,
        version=__version__,
    )
    return page.encode("utf-8", "backslashreplace")


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


def _policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """Return the policy: these scripts and styles run, and nothing is ever fetched.

    The empty style is for the elements of `_plotly_styles`.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash_source, scripts))}",
            f"style-src {' '.join(map(_hash_source, styles))}",
            "img-src data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash_source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def json_in_script(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_IN_SCRIPT)


def _data(
    summary: Summary,
    results: Results,
    comparison: Comparison | None,
    drawn: Iterable[Chart],
) -> dict[str, Any]:
    tables = [account_table(results, summary)]
    if comparison is not None:
        tables.append(change_table(comparison))
    return {
        "outcomes": OUTCOME_LABELS,
        "as_of": None if summary.as_of is None else epoch_ms(summary.as_of),
        "tables": tables,
        "charts": [
            {"key": each.key, "data": each.data, "layout": each.layout}
            for each in drawn
            if each.data
        ],
    }


def _plotly_styles(plotly: str) -> str:
    """Return the style elements that plotly.js would else add, which the policy forbids.

    It fills the first one by script, rule by rule. The others are for maps, of which there
    are none here: it leaves an element alone that is there already.
    """
    names = ["plotly.js-style-global", *_MAP_STYLE.findall(plotly)]
    return "".join(f'<style id="{name}"></style>' for name in names)


def _heading(summary: Summary) -> str:
    checked = f"checked until {moment(summary.as_of)}" if summary.as_of else "no results yet"
    asked = f", asked at {summary.base_url}" if summary.base_url else ""
    source = f" Results of {summary.results}{asked}." if summary.results else ""
    text = escape(f"{counted(summary.accounts, 'email')}, {checked}")
    return f'{text}<span id="age"></span>.{escape(source)}'


def _remarks(summary: Summary, comparison: Comparison | None) -> str:
    texts = [*summary.remarks, *(comparison.remarks if comparison else ())]
    return "".join(f'<p class="remark" role="note">{escape(text)}</p>' for text in texts)


def _card(card: Card) -> str:
    tone = f" {card.tone}" if card.tone else ""
    value = escape(card.value)
    if card.filter:
        name = escape(f"{card.label}: {card.value}, show these accounts")
        value = (
            f'<button type="button" data-filter="{escape(card.filter)}" aria-pressed="false"'
            f' aria-label="{name}">{value}</button>'
        )
    return (
        f'<div class="card{tone}"><dt>{escape(card.label)}</dt>'
        f'<dd class="value{_size(card.value)}">{value}</dd>'
        f'<dd class="note">{escape(card.note)}</dd></div>'
    )


def _size(value: str) -> str:
    """Return the class that lets a long value fit into one line of its card."""
    return " longer" if len(value) > _LONGER else " long" if len(value) > _LONG else ""


def _changes(comparison: Comparison) -> str:
    differ = counted(len(comparison.changes), "email")
    note = (
        f"Since {moment(comparison.since_as_of)}: {differ} changed; the balances known twice moved"
        f" by {signed(comparison.moved)} LTX tokens together."
    )
    return Template(_asset("changes.html")).substitute(note=escape(note))


def _reasons(summary: Summary) -> str:
    if not summary.reasons:
        return ""
    lines = "".join(f"<li>{escape(why(*item))}</li>" for item in summary.reasons.items())
    return Template(_asset("reasons.html")).substitute(lines=lines)


def _figure(chart: Chart) -> str:
    return Template(_asset("figure.html")).substitute(
        key=chart.key,
        title=escape(chart.title),
        note=escape(chart.note),
        empty="" if chart.data else f'<p class="empty">{escape(chart.empty)}</p>',
        hidden="" if chart.data else " hidden",
        heads="".join(f'<th scope="col">{escape(head)}</th>' for head in chart.columns),
        rows="".join(map(_figure_row, chart.table)),
    )


def _figure_row(cells: Sequence[str]) -> str:
    head, *rest = map(escape, cells)
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
