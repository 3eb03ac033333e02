"""The accounts that need somebody, as a table for a spreadsheet."""

from __future__ import annotations

from typing import Final

from ltx_async.models import timestamp
from ltx_async.report.results import Results
from ltx_async.report.summary import Summary
from ltx_async.results.csv_format import CSV, TSV, CSVFormat

COLUMNS: Final = ("email", "due_at", "reasons", "balance", "text", "checked_at", "source")
"""The columns of the table, in order."""

_FORMATS: Final[dict[str, CSVFormat]] = {".csv": CSV, ".tsv": TSV}


def attention_table(summary: Summary, results: Results, *, suffix: str) -> bytes:
    """Return a table of all that need somebody, the most urgent first.

    Args:
        summary: says which accounts these are.
        results: the records that they were found in.
        suffix: `.csv` or `.tsv`.
    """
    form = _FORMATS[suffix]
    lines = [form.line(COLUMNS)]
    for one in summary.attention:
        due_at = one.due_at
        cells = (
            one.email,
            None if due_at is None else timestamp(due_at),
            " ".join(one.reasons),
            one.balance,
            one.text,
            timestamp(results.records.value_of(one.email, "checked_at")),
            results.source_of(one.email) or results.name,
        )
        lines.append(form.line(cells))
    return b"".join(lines)
