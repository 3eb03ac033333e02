"""What it takes to begin: the import beside aiohttp's, and every command, in CPU time too."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.cores import ROOT, client_core, pin_process
from benchmarks.markdown import number, table
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import responder
from benchmarks.workload import ACCOUNTS_PATH, TOKEN

COMMAND = Path(sys.executable).with_name("ltx-async")
COMMANDS = ("get", "check", "watch", "accounts", "serve", "report", "doctor", "demo")
EMAIL = "ann@example.com"
HEADS = ("what", "ms", "÷ import aiohttp", "CPU ms", "CPU ÷")
TIMED_IMPORT = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"
ONE_REQUEST = """\
import asyncio, os, aiohttp
async def main():
    headers = {"Authorization": "Bearer " + os.environ["USEAPI_TOKEN"]}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(os.environ["USEAPI_API"] + "%s") as response:
            print((await response.json())["email"])
asyncio.run(main())
"""
GET = "process: ltx-async get EMAIL"
REQUEST = "process: aiohttp, one request"


class Taken(NamedTuple):
    """Seconds by the clock, and of CPU; None where that is not measured."""

    wall: float
    cpu: float | None = None


Clock = Callable[[], Taken]


def measure(plan: Plan) -> Section:
    """Time the imports inside a fresh interpreter, and whole processes, taking turns."""
    inside = _taking_turns(_imports(), plan.start_ups)
    with responder() as base_url:
        whole = _taking_turns(_processes(base_url), plan.start_ups)
    rows = [*_rows(inside, "import aiohttp"), *_rows(whole, "process: import aiohttp")]
    ratios = _ratios(inside, "import aiohttp") | _ratios(whole, "process: import aiohttp")
    cpu = {name: taken.cpu for name, taken in whole.items()}
    if GET in whole:
        ratios["get / one request of aiohttp"] = whole[GET].wall / whole[REQUEST].wall
    seconds = {name: taken.wall for name, taken in (inside | whole).items()}
    title = f"Start-up: medians of {plan.start_ups} fresh interpreters"
    data = {"seconds": seconds, "cpu": cpu, "ratios": ratios}
    return Section("startup", title, table(HEADS, rows), data)


def _imports() -> dict[str, Clock]:
    names = ["aiohttp"]
    if find_spec("ltx_async"):
        names += ["ltx_async", "ltx_async.client"]  # names come late: the client is all of it
    return {f"import {name}": partial(_import_seconds, name) for name in names}


def _processes(base_url: str) -> dict[str, Clock]:
    def python(code: str, printed: str = "") -> Clock:
        return _clock(base_url, printed, sys.executable, "-c", code)

    clocks = {
        "process: import aiohttp": python("import aiohttp"),
        REQUEST: python(ONE_REQUEST % f"{ACCOUNTS_PATH}{EMAIL}", EMAIL),
    }
    if find_spec("ltx_async"):
        clocks["process: import ltx_async"] = python("import ltx_async")
    if COMMAND.exists():
        ours = partial(_clock, base_url)
        clocks["process: ltx-async --version"] = ours("ltx-async", str(COMMAND), "--version")
        for name in COMMANDS:
            clocks[f"process: ltx-async {name} --help"] = ours(
                f"ltx-async {name}", str(COMMAND), name, "--help"
            )
        clocks[GET] = ours(EMAIL, str(COMMAND), "get", EMAIL)
    return clocks


def _import_seconds(module: str) -> Taken:
    done = subprocess.run(
        [sys.executable, "-c", TIMED_IMPORT.format(module)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True,
    )  # fmt: skip
    return Taken(float(done.stdout))


def _clock(base_url: str, printed: str, *command: str) -> Clock:
    """Return what times a command, and fails where it does not print what it should."""
    known = {**os.environ, "USEAPI_TOKEN": TOKEN, "USEAPI_API": base_url}
    known.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start would compile anew

    def taken() -> Taken:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=known, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        pin_process(process.pid, client_core())
        assert process.stdout is not None
        with process.stdout:
            output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode or printed not in output:
            raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
        return Taken(wall, usage.ru_utime + usage.ru_stime)

    return taken


def _taking_turns(clocks: Mapping[str, Clock], rounds: int) -> dict[str, Taken]:
    for clock in clocks.values():
        clock()  # once without counting: byte code is written, files get into the cache
    seen = [{name: clock() for name, clock in clocks.items()} for _ in range(rounds)]
    return {name: _middle([turn[name] for turn in seen]) for name in clocks}


def _middle(times: list[Taken]) -> Taken:
    cpu = [one.cpu for one in times if one.cpu is not None]
    return Taken(median(one.wall for one in times), median(cpu) if cpu else None)


def _ratios(taken: Mapping[str, Taken], yardstick: str) -> dict[str, float]:
    return {name: one.wall / taken[yardstick].wall for name, one in taken.items()}


def _rows(taken: Mapping[str, Taken], yardstick: str) -> list[tuple[str, ...]]:
    ratios, least = _ratios(taken, yardstick), taken[yardstick].cpu
    return [
        (
            name,
            number(one.wall * 1e3, 1),
            number(ratios[name], 2),
            number(None if one.cpu is None else one.cpu * 1e3, 1),
            number(None if one.cpu is None or not least else one.cpu / least, 2),
        )
        for name, one in taken.items()
    ]
