"""What a chart is, and what several of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

FEW: Final = 6
"""With so few marks, an axis would get ticks between them."""

NO_TEXT: Final = {"textposition": "none"}
"""Settings of bars whose text is shown only while one points at them."""


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


def axis_from_zero(unit: str, counts: Sequence[float] = ()) -> dict[str, Any]:
    """Return an axis; where small `counts` are drawn, no tick stands at half an account."""
    ticks = {"dtick": 1} if counts and max(counts) < FEW else {}
    return {"title": {"text": unit}, "rangemode": "tozero", **ticks}
