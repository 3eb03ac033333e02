"""The benchmark's command: ``python benchmarks/run.py [--quick] [--json FILE] [--svg FILE]``."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # run as a file, not as a module

from attrs import asdict, evolve

from benchmarks.bars import bars, bars_table
from benchmarks.chart import draw
from benchmarks.clients import CLIENTS, Client
from benchmarks.environment import environment
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.sections import (
    Section,
    command,
    comparison,
    growth,
    latency,
    pace,
    single,
    startup,
    throttling,
    variations,
)

USUAL = (
    "comparison", "tls", "variations", "concurrency", "sequential", "arrival", "command",
    "growth", "latency", "throttling", "pace", "startup",
)  # fmt: skip
SECTIONS = (*USUAL, "scale")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; Markdown goes to stdout, progress to stderr."""
    options = _parser().parse_args(arguments)
    plan = _plan(options)
    facts = environment()
    print("# Benchmark of ltx_async\n")
    print("; ".join(f"{name} {value}" for name, value in facts.items()), "\n")
    sections = _measured(options.sections, _chosen(options.only), plan)
    found = bars(sections)
    print(f"## The project's bars\n\n{bars_table(found)}")
    if options.json:
        results = {
            "environment": facts,
            "plan": asdict(plan),
            "sections": {section.name: section.data for section in sections},
            "bars": [asdict(bar) | {"verdict": bar.verdict} for bar in found],
        }
        options.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    if options.svg:
        _draw(sections, options.svg)
    return 0


def _measured(names: Sequence[str], clients: Sequence[Client], plan: Plan) -> list[Section]:
    measurers: dict[str, Callable[[], Section]] = {
        "comparison": lambda: comparison.measure(clients, plan),
        "tls": lambda: comparison.measure_tls(clients, plan),
        "variations": lambda: variations.measure(plan),
        "concurrency": lambda: variations.measure_concurrency(plan),
        "sequential": lambda: single.measure(plan),
        "arrival": lambda: single.measure_arrival(plan),
        "command": lambda: command.measure(plan),
        "growth": lambda: growth.measure(plan),
        "latency": lambda: latency.measure(plan),
        "throttling": lambda: throttling.measure(plan),
        "pace": pace.measure,
        "startup": lambda: startup.measure(plan),
        "scale": lambda: command.measure_scale(plan),
    }
    sections = []
    for name in (name for name in SECTIONS if name in names):
        started = time.monotonic()
        print(f"measuring: {name} …", file=sys.stderr, end=" ", flush=True)
        section = measurers[name]()
        print(f"{time.monotonic() - started:.1f} s", file=sys.stderr)
        print(f"## {section.title}\n\n{section.text}\n", flush=True)
        sections.append(section)
    return sections


def _draw(sections: Sequence[Section], path: Path) -> None:
    rows = [section.data["clients"] for section in sections if section.name == "comparison"]
    if not rows:
        sys.exit("--svg needs the comparison among --sections")
    draw(rows[0], path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small counts: some minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round as JSON")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the comparison")
    parser.add_argument("--only", metavar="NAMES", help=f"compare only: {','.join(CLIENTS)}")
    parser.add_argument("--rounds", type=_positive, metavar="N", help="rounds of the comparison")
    parser.add_argument("--lookups", type=_positive, metavar="N", help="lookups per client")
    parser.add_argument("--concurrency", type=_positive, metavar="N", help="connections")
    parser.add_argument(
        "--sections",
        nargs="+",
        choices=SECTIONS,
        default=USUAL,
        metavar="NAME",
        help=f"which questions: {', '.join(USUAL)}; and scale, of a million, only if named",
    )
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _plan(options: argparse.Namespace) -> Plan:
    asked = {name: getattr(options, name) for name in ("rounds", "lookups", "concurrency")}
    changes = {name: value for name, value in asked.items() if value is not None}
    return evolve(QUICK if options.quick else FULL, **changes)


def _chosen(only: str | None) -> list[Client]:
    names = only.split(",") if only else list(CLIENTS)
    if unknown := [name for name in names if name not in CLIENTS]:
        sys.exit(f"no such client: {', '.join(unknown)}; there are {', '.join(CLIENTS)}")
    return [CLIENTS[name] for name in names]


if __name__ == "__main__":
    sys.exit(main())
