"""README's table and chart, out of one full run: ``python benchmarks/readme.py RESULTS [--write]``.

RESULTS is what ``run.py --json`` wrote, with the comparison in it. The table goes to stdout; with
``--write`` into README.md too, in place of the one between the marks, and the chart into docs/.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # run as a file, not as a module

from benchmarks.chart import draw
from benchmarks.cores import ROOT
from benchmarks.markdown import mebibytes, number, table
from benchmarks.sections.comparison import YARDSTICK

README, CHART = ROOT / "README.md", ROOT / "docs" / "benchmark.svg"
BEGIN, END = "<!-- the benchmark's table begins -->", "<!-- the benchmark's table ends -->"
HEADS = (
    "client", "lookups/s", "CPU µs a lookup", "CPU ÷ `gather`'s", "over TLS, CPU µs", "peak MiB",
)  # fmt: skip
SHOWN = {
    "direct": "**ltx_async, direct**, uvloop",
    "direct-asyncio": "**ltx_async, direct**, asyncio",
    "session-uvloop": "**ltx_async, session**, uvloop",
    "session": "**ltx_async, session**, asyncio",
    YARDSTICK: "aiohttp, `gather` under a semaphore, asyncio",
    "aiohttp-semaphore-uvloop": "aiohttp, `gather` under a semaphore, uvloop",
    "aiohttp-gather": "aiohttp, `gather` of all at once, asyncio",
    "aiohttp-tuned": "aiohttp, hand-tuned workers, uvloop",
    "wreq": "wreq (Rust), uvloop",
    "pyreqwest": "pyreqwest (Rust), uvloop",
    "httpx": "httpx",
    "httpx2": "httpx2",
    "niquests": "niquests",
    "requests": "requests, 50 threads",
    "pycurl": "pycurl multi, same work",
    "curl": "`curl --parallel`, fetch only",
    "wrk": "`wrk`, fetch only: the limit",
}

Row = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of a run, and write it and the chart where that is asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks/readme.py", description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--write", action="store_true", help="into README.md and docs/")
    parser.add_argument("--into", type=Path, default=README, help=argparse.SUPPRESS)
    parser.add_argument("--chart", type=Path, default=CHART, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    sections = json.loads(options.results.read_text("utf-8"))["sections"]
    if "comparison" not in sections:
        sys.exit("there is no comparison in it")
    rows = sections["comparison"]["clients"]
    shown = readme_table(rows, sections.get("tls", {}).get("clients", []))
    print(shown)
    if options.write:
        options.into.write_text(replaced(options.into.read_text("utf-8"), shown), "utf-8")
        draw([row for row in rows if row["name"] != "wrk"], options.chart)
    return 0


def readme_table(rows: Sequence[Row], over_tls: Sequence[Row]) -> str:
    """Return the table of the clients that were measured."""
    plain = {row["name"]: row for row in rows if row["median"]}
    tls = {row["name"]: row["median"] for row in over_tls if row["median"]}
    return table(
        HEADS,
        [
            (
                title,
                number(plain[name]["median"]["ok"] / plain[name]["median"]["wall"]),
                number(_cpu_us(plain[name]["median"]), 1),
                number(_paired(plain[name], plain.get(YARDSTICK)), 2),
                number(_cpu_us(tls[name]) if name in tls else None, 1),
                mebibytes(plain[name]["median"]["peak_rss"]),
            )
            for name, title in SHOWN.items()
            if name in plain
        ],
    )


def _cpu_us(taken: Row) -> float:
    return float(taken["cpu"] / taken["ok"] * 1e6)


def _paired(row: Row, yardstick: Row | None) -> float | None:
    """Return the median of the ratios within the rounds, as the run's own table has it."""
    if yardstick is None:
        return None
    pairs = zip(row["rounds"], yardstick["rounds"], strict=False)
    return median(_cpu_us(one) / _cpu_us(other) for one, other in pairs)


def replaced(page: str, shown: str) -> str:
    """Return a page with another table between the marks.

    Raises:
        ValueError: it has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END} in the page")
    return f"{before}{begin}\n{shown}\n{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
