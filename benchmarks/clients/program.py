"""A foreign program as a client: run to its end, with its own CPU time and peak memory."""

import os
import subprocess
import time
from pathlib import Path

from attrs import frozen

from benchmarks.measurement import peak_rss

POLL_SECONDS = 0.02


@frozen
class ProgramRun:
    """What a program took: seconds of wall and CPU, KiB at its peak, and its standard output."""

    wall: float
    cpu: float
    peak_rss: int
    output: str


def run_program(command: list[str], output: Path) -> ProgramRun:
    """Run a program with its output to a file; raises ``RuntimeError`` when it fails."""
    started = time.perf_counter()
    with output.open("wb") as stdout:
        process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL)
        peak = 0
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, peak_rss(process.pid))
            time.sleep(POLL_SECONDS)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with status {process.returncode}")
    text = "" if output == Path(os.devnull) else output.read_text("utf-8", "replace")
    return ProgramRun(wall, usage.ru_utime + usage.ru_stime, peak, text)
