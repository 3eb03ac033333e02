"""A report for the terminal: key figures and bars, from 40 columns on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from attrs import define, frozen

from ltx_async.alerts import Attention
from ltx_async.models import Outcome
from ltx_async.report import Change, ChangeKind, Comparison, Summary
from ltx_async.report.distribution import Bin
from ltx_async.report.expiry import calendar
from ltx_async.results.record import Record
from ltx_async.wording import (
    clipped,
    counted,
    inert,
    moment,
    number,
    share,
    signed,
    span,
    time_ago,
    time_taken,
    why,
)

if TYPE_CHECKING:
    from rich.console import Console

_STYLES: Final = {Outcome.OK: "green", Outcome.FAILED: "red"}
_CHANGE_STYLES: Final = {
    ChangeKind.BROKEN: "red",
    ChangeKind.UNANSWERED: "red",
    ChangeKind.RECOVERED: "green",
    ChangeKind.NEW: "green",
}
_WIDEST: Final = 100
_WIDE: Final = 72
_LONGEST_BAR: Final = 40
_BLOCKS: Final = " ▏▎▍▌▋▊▉█"
MOST_BARS: Final = 12
"""Bars of the histogram that suit a terminal."""

_CHANGES_SHOWN: Final = 10
_ATTENTION_SHOWN: Final = 20
_LONGEST_TROUBLE: Final = 200


def show_report(
    summary: Summary, comparison: Comparison | None = None, console: Console | None = None
) -> None:
    """Print a report on standard output, as wide as the console is."""
    _text_on(console).show(summary, comparison)


def show_attention(summary: Summary, console: Console | None = None) -> None:
    """Print all accounts that need somebody on standard output."""
    _text_on(console).show_attention(summary)


def _text_on(console: Console | None) -> _ReportText:
    if console is None:
        from rich.console import Console as RichConsole  # noqa: PLC0415 - only where it is needed

        console = RichConsole(highlight=False, markup=False, emoji=False)
    return _ReportText(console, min(console.width, _WIDEST))


_Head = tuple[str, str]  # text and style


@frozen
class _Bar:
    label: str
    count: int
    note: str = ""
    style: str = "cyan"


@define
class _ReportText:
    """Prints the sections of a report; all text from servers is made inert on its way here."""

    _console: Console
    _width: int

    def show(self, summary: Summary, comparison: Comparison | None) -> None:
        self._heading(summary, comparison)
        if comparison is not None:
            self._changes(comparison)
        if not summary.accounts:
            return
        self._attention(summary, _ATTENTION_SHOWN)
        self._outcomes(summary)
        self._reasons(summary)
        self._balance(summary)
        self._calendar(summary)
        self._slowest(summary)

    def _heading(self, summary: Summary, comparison: Comparison | None) -> None:
        self._line(inert(summary.results), "bold")
        self._line(counted(summary.accounts, "email"))
        if summary.as_of is not None:
            age = "" if summary.age is None else f", {time_ago(summary.age)}"
            self._line(f"checked until {moment(summary.as_of)}{age}")
        if summary.base_url is not None:
            self._line(f"asked at {inert(summary.base_url)}")
        for remark in (*summary.remarks, *(comparison.remarks if comparison else ())):
            self._line(inert(remark), "yellow")

    def show_attention(self, summary: Summary) -> None:
        self._heading(summary, None)
        self._attention(summary, None)

    def _attention(self, summary: Summary, most: int | None) -> None:
        """Print who needs somebody, with the day on which it is due, the most urgent first."""
        self._title("Needs attention")
        if not summary.attention:
            self._line("  nobody", "green")
            return
        self._entries(
            ((_due(one), "yellow"), inert(one.email), clipped(one.text, _LONGEST_TROUBLE))
            for one in summary.attention[:most]
        )
        if most is not None and (hidden := len(summary.attention) - most) > 0:
            self._line(f"  and {hidden:,} more; --attention shows all", "dim")

    def _outcomes(self, summary: Summary) -> None:
        self._title("Outcomes")
        self._bars(
            [
                _Bar(
                    outcome.value,
                    count,
                    share(count, summary.accounts),
                    _STYLES.get(outcome, "yellow"),
                )
                for outcome, count in summary.outcomes.items()
            ]
        )

    def _reasons(self, summary: Summary) -> None:
        if not summary.reasons:
            return
        self._title("Why lookups failed")
        for reason, count in summary.reasons.items():
            self._line(f"  {why(reason, count)}", "red")

    def _balance(self, summary: Summary) -> None:
        balance = summary.balance
        self._title("Balance, in LTX tokens")
        if not balance.known:
            self._line("  no balances in these results", "dim")
            return
        self._line(f"  {number(balance.total)} in {counted(balance.known, 'account')}")
        self._line(f"  median {number(balance.median)}, lowest {number(balance.lowest)}")
        self._bars([_bin_bar(each) for each in balance.bins])

    def _calendar(self, summary: Summary) -> None:
        assert summary.as_of is not None  # there are accounts
        stretches = calendar(summary.sign_ins, summary.access_tokens, summary.as_of)
        kinds = (
            ("Sign-ins ending, by week from", [each.sign_ins for each in stretches], "yellow"),
            ("Access tokens ending, by week from", [each.access_tokens for each in stretches], ""),
        )
        for title, counts, style in kinds:
            self._title(title)
            bars = [
                _Bar(each.label, count, style="red" if each.low is None else style or "cyan")
                for each, count in zip(stretches, counts, strict=True)
            ]
            self._bars(_without_empty_end(bars) or [])
            if not any(counts):
                self._line("  no such dates in these results", "dim")

    def _slowest(self, summary: Summary) -> None:
        if not summary.slowest:
            return
        self._title("Slowest lookups")
        times = summary.latency_ms
        self._line(f"  median {time_taken(times['p50'])}, 99% within {time_taken(times['p99'])}")
        self._entries(
            ((time_taken(row.elapsed_ms), ""), inert(row.email), _slow(row))
            for row in summary.slowest
        )

    def _changes(self, comparison: Comparison) -> None:
        self._title(f"Changes since {moment(comparison.since_as_of)}")
        counts = comparison.counts()
        for kind in ChangeKind:
            self._line(f"  {counts[kind]:>7,}  {kind}", _change_style(kind, counts[kind]))
        self._line(f"  balances known twice: {signed(comparison.moved)} LTX tokens")
        shown = comparison.changes[:_CHANGES_SHOWN]
        self._entries(
            ((each.kind, _change_style(each.kind, 1)), inert(each.email), _changed(each))
            for each in shown
        )
        if hidden := len(comparison.changes) - len(shown):
            self._line(f"  and {hidden:,} more; -o report.html or --json has all", "dim")

    def _bars(self, bars: Sequence[_Bar]) -> None:
        """Print bars to one scale, each with its count and note."""
        label = max((len(bar.label) for bar in bars), default=0)
        count = max((len(f"{bar.count:,}") for bar in bars), default=0)
        note = max((len(bar.note) for bar in bars), default=0)
        room = min(_LONGEST_BAR, self._width - label - count - note - 6 - bool(note))
        most = max((bar.count for bar in bars), default=0) or 1
        for bar in bars:
            drawn = self._bar(bar.count / most, room)
            figures = f"{bar.count:>{count},} {bar.note:>{note}}".rstrip()
            self._parts((f"  {bar.label:>{label}}  ", ""), (drawn, bar.style), (f" {figures}", ""))

    def _bar(self, part: float, room: int) -> str:
        """Return a bar that shows even the smallest part."""
        if self._console.options.ascii_only:
            return ("#" * max(round(part * room), part > 0)).ljust(room)
        eighths = max(round(part * room * 8), part > 0)
        return ("█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()).ljust(room)

    def _entries(self, entries: Iterable[tuple[_Head, str, str]]) -> None:
        """Print entries of head, email and facts; in a narrow place the facts stand below."""
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        grid = Table.grid(padding=(0, 2), pad_edge=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(overflow="fold")
        for (head, style), email, facts in entries:
            cells = (
                [email, facts]
                if self._width >= _WIDE
                else ["\n".join(filter(None, (email, facts)))]
            )
            grid.add_row(Text(head, style), *map(Text, cells))
        self._console.print(grid, width=self._width)

    def _title(self, text: str) -> None:
        self._line()
        self._line(text, "bold")

    def _line(self, text: str = "", style: str = "") -> None:
        self._parts((text, style))

    def _parts(self, *parts: tuple[str, str]) -> None:
        from rich.text import Text  # noqa: PLC0415

        text = Text(overflow="fold")
        for part, style in parts:
            text.append(part, style or None)
        text.rstrip()
        self._console.print(text, width=self._width)


def _due(attention: Attention) -> str:
    """Return the day by which somebody is needed, always in the same number of characters."""
    return f"{attention.due_at:%Y-%m-%d}" if attention.due_at else "any time"


def _bin_bar(each: Bin) -> _Bar:
    return _Bar(span(each.low, each.high), each.count)


def _without_empty_end(bars: list[_Bar]) -> list[_Bar]:
    while bars and not bars[-1].count:
        bars.pop()
    return bars


def _slow(record: Record) -> str:
    return record.outcome.value + (f", {record.attempts:,} attempts" if record.attempts > 1 else "")


def _change_style(kind: ChangeKind, count: int) -> str:
    return _CHANGE_STYLES.get(kind, "yellow") if count else "dim"


def _changed(change: Change) -> str:
    facts = [] if not change.moved else [f"{signed(change.moved)} LTX tokens"]
    if change.after is not None and change.after.error:
        facts.append(clipped(change.after.error, _LONGEST_TROUBLE))
    return ", ".join(facts)
