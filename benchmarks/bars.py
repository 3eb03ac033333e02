"""The bars that the project sets itself, each with the ratio that this run measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from benchmarks.markdown import number, table
from benchmarks.sections import Section

MIB_IN_KIB = 1024
MILLION = 1_000_000


@frozen
class Bar:
    """One promise: ``value`` must be at least, or at most, ``limit``; None was not measured."""

    promise: str
    value: float | None
    limit: float
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """Return ``met``, ``MISSED`` or ``not measured``."""
        if self.value is None:
            return "not measured"
        met = self.value <= self.limit if self.at_most else self.value >= self.limit
        return "met" if met else "MISSED"


def bars(sections: Sequence[Section]) -> list[Bar]:
    """Return every bar with what the sections measured for it."""
    data = {section.name: section.data for section in sections}
    return [
        *_comparison_bars(data.get("comparison", {}).get("ratios", {})),
        *_tls_bars(data.get("tls", {}).get("ratios", {})),
        *_latency_bars(data.get("latency", {}).get("efficiency", {})),
        *_throttling_bars(data.get("throttling", {}).get("clients", [])),
        *_pace_bars(data.get("pace", {}).get("servers", [])),
        *_command_bars(data.get("command", {}).get("ratios", {})),
        *_growth_bars(data.get("growth", {}).get("sizes", []), data.get("scale", {})),
        *_scale_bars(data.get("scale", {}).get("runs", [])),
        *_startup_bars(data.get("startup", {})),
    ]


def bars_table(found: Sequence[Bar]) -> str:
    """Return the bars as a Markdown table."""
    rows = [
        (
            bar.promise,
            f"{'≤' if bar.at_most else '≥'} {bar.limit:g}",
            number(bar.value, 3),
            bar.verdict,
        )
        for bar in found
    ]
    return table(("promise", "bar", "measured", "verdict"), rows)


def _comparison_bars(ratios: Mapping[str, float | None]) -> list[Bar]:
    limits = {
        "direct / semaphore gather, lookups per second": (4.0, False),
        "session / semaphore gather, lookups per second": (0.95, False),
        "session on uvloop / hand-tuned, lookups per second": (0.95, False),
        "direct / pycurl, CPU": (0.9, True),
        "direct / curl, CPU": (1.0, True),
        "direct / wreq, CPU": (1.0, True),
        "direct / pyreqwest, CPU": (1.0, True),
        "direct / wrk, lookups per second": (0.6, False),
    }
    return [
        Bar(promise, ratios.get(promise), limit, at_most)
        for promise, (limit, at_most) in limits.items()
    ]


def _tls_bars(ratios: Mapping[str, float | None]) -> list[Bar]:
    limits = {"pycurl": 1.2, "wreq": 1.0, "pyreqwest": 1.0}
    return [
        Bar(f"over TLS: {name}", ratios.get(name), limit, at_most=True)
        for name, limit in ((f"direct / {rival}, CPU", limit) for rival, limit in limits.items())
    ]


def _latency_bars(efficiency: Mapping[str, float]) -> list[Bar]:
    return [
        Bar(f"{name}: share of the ideal under latency", efficiency.get(name), 0.95)
        for name in ("direct", "session")
    ]


def _throttling_bars(clients: Sequence[Mapping[str, Any]]) -> list[Bar]:
    known = {client["name"]: client for client in clients}
    found = []
    for name in ("direct-rate", "session-rate"):
        row = known.get(name, {})
        found.append(Bar(f"{name}: share of the allowed rate", row.get("rate_used"), 0.95))
        found.append(Bar(f"{name}: share of 429s", row.get("throttled_share"), 0.02, at_most=True))
    return found


def _pace_bars(servers: Sequence[Mapping[str, Any]]) -> list[Bar]:
    used = [one["learned"]["used"] for one in servers]
    polled = [one["learned"]["throttled"] for one in servers if one["must_be_polled"]]
    others = [one["learned"]["throttled"] for one in servers if not one["must_be_polled"]]
    named = "a learned pace, throttles"
    return [
        Bar("a learned pace, share of any limit", min(used, default=None), 0.9),
        Bar(f"{named} at any limit", max(others, default=None), 0.02, at_most=True),
        Bar(f"{named} where a long window tells nothing", max(polled, default=None), 0.1,
            at_most=True),
    ]  # fmt: skip


def _command_bars(ratios: Mapping[str, float | None]) -> list[Bar]:
    return [
        Bar(f"check into {name} / library, CPU", ratios.get(name), limit, at_most=True)
        for name, limit in {"jsonl": 1.35, "sqlite": 1.7}.items()
    ]


def _scale_bars(runs: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """Return the bars of a million emails: seconds of CPU, and MiB at the peak."""
    known = {run["name"]: run for run in runs if run["lookups"] == MILLION}
    limits = {
        "check -o OUT.jsonl": (None, 120.0),
        "check --resume, all done": (5.0, 150.0),
        "report": (8.0, 300.0),
    }
    found = []
    for name, (seconds, mebibytes) in limits.items():
        run = known.get(name)
        if seconds is not None:
            taken = run["cpu"] if run else None
            found.append(Bar(f"a million, {name}: seconds of CPU", taken, seconds, at_most=True))
        peak = run["peak_rss"] / MIB_IN_KIB if run else None
        found.append(Bar(f"a million, {name}: MiB", peak, mebibytes, at_most=True))
    return found


def _growth_bars(sizes: Sequence[Mapping[str, Any]], scale: Mapping[str, Any]) -> list[Bar]:
    runs = [*sizes, *scale.get("runs", [])]
    peaks = {(run["name"], run["lookups"]): run.get("peak_rss") for run in runs}
    found = []
    for name in ("direct", "session"):
        million, part = peaks.get((name, MILLION)), peaks.get((name, 100_000))
        grown = (million - part) / MIB_IN_KIB if million and part else None
        found.append(Bar(f"{name}: MiB from 100,000 to a million", grown, 20.0, at_most=True))
    return found


def _startup_bars(data: Mapping[str, Any]) -> list[Bar]:
    ratios, cpu = data.get("ratios", {}), data.get("cpu", {})
    helps = [seconds * 1e3 for name, seconds in cpu.items() if name.endswith("--help")]
    return [
        Bar("import ltx_async / import aiohttp", ratios.get("import ltx_async"), 1.15,
            at_most=True),
        Bar("ltx-async --version / import aiohttp, wall",
            ratios.get("process: ltx-async --version"), 1.3, at_most=True),
        Bar("--help of any command, ms of CPU", max(helps, default=None), 100.0, at_most=True),
        Bar("get of one email / one request of aiohttp, wall",
            ratios.get("get / one request of aiohttp"), 1.15, at_most=True),
    ]  # fmt: skip
