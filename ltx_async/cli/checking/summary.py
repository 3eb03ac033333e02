"""What a run came to: the table for people, and the same figures as JSON."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from ltx_async.cli.checking.counts import MOST_SHOWN, Counts
from ltx_async.cli.checking.urgent import MostUrgent
from ltx_async.cli.exits import GO_ON, explanation, status_of
from ltx_async.cli.terminal.messages import Talk
from ltx_async.inputs.entries import LineCounts
from ltx_async.models import Stats
from ltx_async.reasons import as_json
from ltx_async.wording import allowed, clipped, counted, why

_REASONS_SHOWN: Final = 5
_LONGEST_TEXT: Final = 300
_STYLES: Final = {
    "ok": "green",
    "needs_reauth": "yellow",
    "not_found": "yellow",
    "invalid": "yellow",
    "failed": "red",
    "pending": "red",
}


@frozen
class Summary:
    """A run that has ended.

    Attributes:
        counts: entries by outcome, and the accounts that need somebody.
        stats: what was sent; None where nothing could be.
        seconds: how long it took.
        whole_input: whether the input was read to its end.
        lines: what became of the lines of the input.
        error: why it ended early; None if it did not.
        signal: the signal that ended it.
        results: where the results lie; None when they went to standard output.
        again: how to go on with these after an early end.
    """

    counts: Counts
    stats: Stats | None
    seconds: float
    whole_input: bool = True
    lines: LineCounts = field(factory=LineCounts)
    error: Exception | None = None
    signal: int | None = None
    results: str | None = None
    again: str = GO_ON

    @property
    def exit_status(self) -> int:
        """What the shell is to be told."""
        if self.error is not None:
            return status_of(self.error)
        return self.counts.exit_status if self.signal is None else 128 + self.signal

    @property
    def explanation(self) -> str:
        """Why it ended early, and what to do; empty where it did not."""
        if self.error is None:
            return ""
        return explanation(self.error, again=None if self.results is None else self.again)

    def show(self, talk: Talk) -> None:
        """Print the table and what else is worth knowing, why lookups failed, and who needs you.

        What failed is told even when quiet, and whose accounts need somebody where a threshold
        asks for that.
        """
        if not talk.quiet:
            self._show_table(talk)
        _show_reasons(self.counts, talk)
        if self.counts.thresholds or not talk.quiet:
            show_attention(self.counts.urgent, talk, whole=self._whole_list)

    @property
    def _whole_list(self) -> str:
        """The command that shows everybody who needs somebody."""
        if self.results is None:
            return "--summary-json has all"
        from ltx_async.cli.checking.thresholds import as_options  # noqa: PLC0415 - not for `get`

        options = as_options(self.counts.thresholds)
        return f"ltx-async report {shlex.quote(self.results)} --attention{options}"

    def _show_table(self, talk: Talk) -> None:
        for name, count in self.counts.by_name().items():
            talk.say(f"{name:>14}  {count:>11,}", _STYLES.get(name, "") if count else "dim")
        unread = "" if self.whole_input else "  as far as it was read"
        talk.say(f"{'input':>14}  {self.counts.input:>11,}{unread}", "bold")
        if self.counts.urgent.accounts:
            talk.say(f"{'need attention':>14}  {self.counts.urgent.accounts:>11,}", "yellow")
        for line in self._remarks():
            talk.say(line)

    def _remarks(self) -> list[str]:
        fresh = self.counts.delivered - self.counts.earlier
        rate = fresh / self.seconds if self.seconds > 0 else 0.0
        results = counted(fresh, "result")
        lines = [f"{results} in {_duration(self.seconds)} ({rate:,.0f}/s)"]
        if self.counts.earlier:
            lines.insert(
                0, f"{counted(self.counts.earlier, 'result')} of an earlier run counted in"
            )
        if skipped := _named(self.lines):
            lines.insert(0, f"skipped: {skipped}")
        if (stats := self.stats) is not None:
            lines.append(
                f"{counted(stats.requests, 'request')}, {stats.retries:,} repeated,"
                f" {stats.throttles:,} throttled"
            )
            if stats.pace is not None:
                lines.append(allowed(stats.pace))
            if stats.latency_p50 is not None and stats.latency_p99 is not None:
                lines.append(
                    f"replies within {_milliseconds(stats.latency_p50)} ms (median),"
                    f" {_milliseconds(stats.latency_p99)} ms (99%)"
                )
        return lines if self.results is None else [*lines, f"results: {self.results}"]

    def as_json(self) -> dict[str, Any]:
        """Return the figures under stable names; times in seconds and milliseconds."""
        return {
            "input": self.counts.input,
            **self.counts.by_name(),
            "already_done": self.counts.earlier,
            "alerts": self.counts.urgent.alerts,
            "need_attention": self.counts.urgent.accounts,
            "attention": [one.as_json() for one in self.counts.urgent.kept()],
            "whole_input": self.whole_input,
            "lines": self.lines.lines,
            "skipped": self.lines.skipped(),
            "extracted": self.lines.additional,
            "exit_status": int(self.exit_status),
            "elapsed_s": round(self.seconds, 3),
            **_stats_as_json(self.stats),
            "reasons": as_json(self.counts.reasons.counted()),
            "results": self.results,
            "stopped": self._stopped(),
        }

    def _stopped(self) -> dict[str, str] | None:
        if self.error is not None:
            return {"type": type(self.error).__name__, "message": self.explanation}
        if self.signal is not None:
            return {"type": "Signal", "message": f"signal {self.signal}"}
        return None

    def save(self, path: Path) -> None:
        """Write the figures as one JSON object to a private file, in place of an older one.

        Raises:
            FileError: it cannot be written.
        """
        from ltx_async.files.replacement import write_whole  # noqa: PLC0415 - not for `get`

        write_whole(path, json.dumps(self.as_json(), indent=2).encode() + b"\n")


def _named(lines: LineCounts) -> str:
    return ", ".join(
        counted(count, f"{name} line") for name, count in lines.skipped().items() if count
    )


def _stats_as_json(stats: Stats | None) -> dict[str, Any]:
    if stats is None:
        return {"requests": 0, "retries": 0, "throttles": 0, "pace": None, "latency_ms": None}
    latency = None
    if stats.latency_p50 is not None and stats.latency_p99 is not None:
        latency = {
            "p50": round(stats.latency_p50 * 1000, 1),
            "p99": round(stats.latency_p99 * 1000, 1),
        }
    return {
        "requests": stats.requests,
        "retries": stats.retries,
        "throttles": stats.throttles,
        "pace": None if stats.pace is None else round(stats.pace, 3),
        "latency_ms": latency,
    }


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


def show_attention(urgent: MostUrgent, talk: Talk, *, whole: str) -> None:
    """Print a line for each account that needs somebody, the most urgent first, a page at most.

    Args:
        urgent: the accounts.
        talk: prints the lines.
        whole: the command that lists all of them.
    """
    shown = urgent.kept()[:MOST_SHOWN]
    for one in shown:
        talk.line(f"attention: {one.email}: {clipped(one.text, _LONGEST_TEXT)}", "yellow")
    if hidden := urgent.accounts - len(shown):
        talk.line(f"attention: and {hidden:,} more: {whole}", "yellow")


def _show_reasons(counts: Counts, talk: Talk) -> None:
    reasons = counts.reasons.counted()
    for reason, count in islice(reasons.items(), _REASONS_SHOWN):
        talk.line(f"failed: {why(reason, count)}", "red")
    if hidden := sum(islice(reasons.values(), _REASONS_SHOWN, None)):
        talk.line(f"failed: and {hidden:,} more for other reasons; --summary-json has all", "red")
