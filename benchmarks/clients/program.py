"""A foreign program as a client: run to its end, with its own CPU time and peak memory."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from benchmarks.cores import client_core, pin_process
from benchmarks.measurement import peak_rss

POLL_SECONDS = 0.02


@frozen
class ProgramRun:
    """What a program took: seconds of wall and CPU, KiB at its peak, and its standard output."""

    wall: float
    cpu: float
    peak_rss: int
    output: str


def run_program(
    command: list[str], output: Path, environment: Mapping[str, str] | None = None
) -> ProgramRun:
    """Run a program on the client's core, with its output to a file.

    Raises:
        RuntimeError: it fails; with the last line of what it said.
    """
    started = time.perf_counter()
    with output.open("wb") as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        pin_process(process.pid, client_core())
        peak = 0
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, peak_rss(process.pid))
            time.sleep(POLL_SECONDS)
        stderr.seek(0)
        said = stderr.read().decode("utf-8", "replace").strip().splitlines()
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        why = said[-1] if said else "without a word"
        raise RuntimeError(f"{command[0]} ended with status {process.returncode}: {why}")
    text = "" if output == Path(os.devnull) else output.read_text("utf-8", "replace")
    return ProgramRun(wall, usage.ru_utime + usage.ru_stime, peak, text)
