"""What it takes to begin: the import beside aiohttp's, and the shortest command."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.cores import ROOT
from benchmarks.markdown import number, table
from benchmarks.plan import Plan
from benchmarks.sections import Section

COMMAND = Path(sys.executable).with_name("ltx-async")
HEADS = ("what", "ms", "÷ import aiohttp")
TIMED_IMPORT = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"

Clock = Callable[[], float]


def measure(plan: Plan) -> Section:
    """Time the imports inside a fresh interpreter, and whole processes, taking turns."""
    inside = _taking_turns(_imports(), plan.start_ups)
    whole = _taking_turns(_processes(), plan.start_ups)
    rows = [*_rows(inside, "import aiohttp"), *_rows(whole, "process: import aiohttp")]
    ratios = _ratios(inside, "import aiohttp") | _ratios(whole, "process: import aiohttp")
    title = f"Start-up: medians of {plan.start_ups} fresh interpreters"
    return Section(
        "startup", title, table(HEADS, rows), {"seconds": inside | whole, "ratios": ratios}
    )


def _imports() -> dict[str, Clock]:
    names = ["aiohttp"]
    if find_spec("ltx_async"):
        names += ["ltx_async", "ltx_async.client"]  # names come late: the client is all of it
    return {f"import {name}": partial(_import_seconds, name) for name in names}


def _processes() -> dict[str, Clock]:
    clocks = {"process: import aiohttp": _wall_clock(sys.executable, "-c", "import aiohttp")}
    if find_spec("ltx_async"):
        clocks["process: import ltx_async"] = _wall_clock(sys.executable, "-c", "import ltx_async")
    if COMMAND.exists():
        clocks["process: ltx-async --version"] = _wall_clock(str(COMMAND), "--version")
    return clocks


def _import_seconds(module: str) -> float:
    return float(_output(sys.executable, "-c", TIMED_IMPORT.format(module)))


def _wall_clock(*command: str) -> Clock:
    def seconds() -> float:
        started = time.perf_counter()
        _output(*command)
        return time.perf_counter() - started

    return seconds


def _output(*command: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    return done.stdout


def _taking_turns(clocks: Mapping[str, Clock], rounds: int) -> dict[str, float]:
    for clock in clocks.values():
        clock()  # once without counting: byte code is written, files get into the cache
    seen = [{name: clock() for name, clock in clocks.items()} for _ in range(rounds)]
    return {name: median(turn[name] for turn in seen) for name in clocks}


def _ratios(seconds: Mapping[str, float], yardstick: str) -> dict[str, float]:
    return {name: value / seconds[yardstick] for name, value in seconds.items()}


def _rows(seconds: Mapping[str, float], yardstick: str) -> list[tuple[str, str, str]]:
    ratios = _ratios(seconds, yardstick)
    return [
        (name, number(value * 1e3, 1), number(ratios[name], 2)) for name, value in seconds.items()
    ]
