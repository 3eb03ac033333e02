"""``ltx-async check`` as a client: from a file of emails to a file of results."""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.clients.program import ProgramRun, run_program
from benchmarks.measurement import Job, Measurement
from benchmarks.workload import TOKEN, emails
from ltx_async.results import read_results

PROGRAM = [sys.executable, "-m", "ltx_async"]


def to_jsonl(job: Job) -> Measurement:
    """Check the emails, with the results as JSON Lines."""
    return _checked(job, "jsonl")


def to_csv(job: Job) -> Measurement:
    """Check the emails, with the results as CSV."""
    return _checked(job, "csv")


def to_sqlite(job: Job) -> Measurement:
    """Check the emails, with the results in SQLite."""
    return _checked(job, "sqlite")


def _checked(job: Job, suffix: str) -> Measurement:
    """Run the command, and then with a single email: what that takes is start-up, and subtracted.

    Answered is what the file of results says of each email, and not what was said on the way.
    """
    with tempfile.TemporaryDirectory(prefix="ltx-async-bench-") as folder:
        source, output = Path(folder) / "emails.txt", Path(folder) / f"results.{suffix}"
        run = check(job, source, output)
        ok = answered(output, job.lookups)
        output.unlink()
        start_up = check(Job(job.base_url, 1, job.concurrency), source, output)
    cpu, wall = run.cpu - start_up.cpu, run.wall - start_up.wall
    return Measurement(job.lookups, ok, wall, cpu, None, None, run.peak_rss)


def check(job: Job, source: Path, output: Path, *options: str) -> ProgramRun:
    """Write the emails of a job to ``source``, and run ``check`` from there to ``output``."""
    with source.open("w", encoding="ascii") as file:
        file.writelines(f"{email}\n" for email in emails(job.lookups))
    width = ("--concurrency", str(job.concurrency))
    command = [*PROGRAM, "check", str(source), "-o", str(output), *width, "--quiet", *options]
    return run_program(command, Path(os.devnull), environment(job))


def environment(job: Job) -> dict[str, str]:
    """Return the environment of a command, with the server and a token in it."""
    known = {**os.environ, "USEAPI_TOKEN": TOKEN, "USEAPI_API": job.base_url}
    known.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start would compile anew
    return known


def answered(output: Path, lookups: int) -> int:
    """Return how many of the emails have an account in a file of results, and one of their own."""
    found = Counter(
        record.email
        for record in read_results(output)
        if record.outcome == "ok" and record.balance == 150
    )
    return sum(found[email] == 1 for email in emails(lookups))
