"""The tables of the page as data: columns, the filters one click sets, and rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from ltx_async.alerts import Attention
from ltx_async.models import Outcome
from ltx_async.report.charts import epoch_ms, outcome_filter
from ltx_async.report.comparison import Change, ChangeKind, Comparison
from ltx_async.report.expiry import SOON
from ltx_async.report.results import Results
from ltx_async.report.summary import Summary
from ltx_async.results.record import Record
from ltx_async.wording import OUTCOME_NAMES

MOST_ROWS: Final = 100_000
"""Rows that a page holds: browsers stay fluid. Those that need attention go first."""

NEEDS_ATTENTION: Final = "Needs attention"
SIGN_IN_ENDS: Final = "Sign-in ends in 7 days"
_LONGEST_TROUBLE: Final = 200
_ACCOUNT_COLUMNS: Final = (
    ("email", "Email", "text"),
    ("outcome", "Outcome", "outcome"),
    ("balance", "Balance", "number"),
    ("sign_in", "Sign-in ends", "date"),
    ("token", "Access token ends", "date"),
    ("elapsed", "Took", "time"),
    ("trouble", "Trouble", "text"),
    ("checked", "Checked", "date"),
    ("source", "File", "text"),
    ("urgent", "Needs attention", "hidden"),
)
_CHANGE_COLUMNS: Final = (
    ("email", "Email", "text"),
    ("change", "Change", "text"),
    ("before", "Before", "outcome"),
    ("after", "Now", "outcome"),
    ("balance", "Balance", "number"),
    ("moved", "Moved by", "signed"),
    ("trouble", "Trouble", "text"),
)


def account_table(results: Results, summary: Summary) -> dict[str, Any]:
    """Return the table of accounts; JSON values only."""
    records = results.records
    urgent = {one.email: (rank, one) for rank, one in enumerate(summary.attention)}
    last = (len(urgent), None)
    ranks = [urgent.get(email, last)[0] for email in records.column("email")]
    kept = [records[row] for row in sorted(range(len(records)), key=ranks.__getitem__)[:MOST_ROWS]]
    hidden = set() if results.sources else {"source"}
    columns = [one for one in _ACCOUNT_COLUMNS if one[0] not in hidden]
    return {
        "id": "accounts",
        "columns": _columns(columns),
        "filters": _account_filters(summary),
        "rows": [_account_cells(one, results, urgent.get(one.email, last)[1]) for one in kept],
        "page_rows": 25,
        "left_out": len(records) - len(kept),
    }


def change_table(comparison: Comparison) -> dict[str, Any]:
    """Return the table of changes; JSON values only."""
    counts = comparison.counts()
    kept = comparison.changes[:MOST_ROWS]
    return {
        "id": "changes",
        "columns": _columns(_CHANGE_COLUMNS),
        "filters": [
            {
                "column": "change",
                "values": [kind],
                "label": kind.capitalize(),
                "count": counts[kind],
            }
            for kind in ChangeKind
            if counts[kind]
        ],
        "rows": [_change_cells(change) for change in kept],
        "page_rows": 10,
        "left_out": len(comparison.changes) - len(kept),
    }


def _columns(columns: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "name": name, "kind": kind} for key, name, kind in columns]


def _account_filters(summary: Summary) -> list[dict[str, Any]]:
    counts = summary.outcomes
    present = [outcome for outcome in Outcome if counts[outcome]]
    filters = [{**outcome_filter(one), "count": counts[one]} for one in present]
    if summary.attention:
        count = len(summary.attention)
        urgent = {"column": "urgent", "values": [1], "label": NEEDS_ATTENTION, "count": count}
        filters.insert(0, urgent)
    if summary.as_of is not None and summary.sign_ins.soon:
        filters.append(
            {
                "column": "sign_in",
                "low": epoch_ms(summary.as_of) + 1,
                "high": epoch_ms(summary.as_of + SOON) + 1,
                "label": SIGN_IN_ENDS,
                "count": summary.sign_ins.soon,
            }
        )
    return filters


def _account_cells(record: Record, results: Results, attention: Attention | None) -> list[Any]:
    trouble = record.error or (None if attention is None else attention.text)
    cells = [
        record.email,
        record.outcome,
        record.balance,
        _date(record.refresh_token_expires_at),
        _date(record.token_expires_at),
        record.elapsed_ms if record.attempts else None,
        _in_brief(trouble),
        _date(record.checked_at),
    ]
    source = [results.source_of(record.email)] if results.sources else []
    return [*cells, *source, None if attention is None else 1]


def _date(moment: datetime | None) -> int | None:
    return None if moment is None else epoch_ms(moment)


def _change_cells(change: Change) -> list[Any]:
    before, after = change.before, change.after
    return [
        change.email,
        change.kind.capitalize(),
        before and before.outcome,
        after and after.outcome,
        after and after.balance,
        change.moved,
        after and _in_brief(after.error),
    ]


def _in_brief(trouble: str | None) -> str | None:
    if trouble is None or len(trouble) <= _LONGEST_TROUBLE:
        return trouble
    return trouble[: _LONGEST_TROUBLE - 1] + "…"


OUTCOME_LABELS: Final = {outcome.value: name for outcome, name in OUTCOME_NAMES.items()}
"""What the page calls the outcomes."""
