"""What the command line adds to the library, from file to file; and a million of everything."""

import json
import tempfile
from pathlib import Path
from typing import Any

from attrs import asdict

from benchmarks.clients import CLIENTS, COMMANDS
from benchmarks.clients.command import PROGRAM, answered, check, environment
from benchmarks.clients.program import ProgramRun, run_program
from benchmarks.markdown import mebibytes, number, skipped, table
from benchmarks.measure import (
    SkippedError,
    as_rows,
    interleaved,
    paired_ratio,
    run_client,
    skip_reasons,
    told,
)
from benchmarks.measurement import Job
from benchmarks.plan import Plan
from benchmarks.sections import Section
from benchmarks.server import fastest_server

HEADS = ("what", "seconds", "CPU s", "CPU µs/email", "peak MiB")


def measure(plan: Plan) -> Section:
    """Run the command into each format beside the library alone."""
    with fastest_server() as server:
        job = Job(server.base_url, plan.lookups, plan.concurrency)
        series = interleaved(list(COMMANDS.values()), job, plan.other_rounds)
    library, *commands = series
    ratios = {one.client.name: paired_ratio(one, library, "cpu_us") for one in commands}
    rows = [
        (
            told(one.client.title, one.middle),
            number(one.middle.per_second),
            number(one.middle.cpu_us, 1),
            number(ratios.get(one.client.name, 1.0), 2),
            mebibytes(one.middle.peak_rss),
        )
        for one in series
        if one.middle
    ]
    heads = ("what", "emails/s", "CPU µs/email", "CPU ÷ the library's", "peak MiB")
    text = table(heads, rows) + skipped(skip_reasons(series))
    title = f"The command line, above its start-up: {plan.lookups:,} emails"
    return Section("command", title, text, {"clients": as_rows(series), "ratios": ratios})


def measure_scale(plan: Plan) -> Section:
    """Look up a million, with the library and the command; resume that; report it. Once each."""
    rows: list[tuple[str, ...]] = []
    data: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    with fastest_server() as server:
        job = Job(server.base_url, plan.million, plan.concurrency)
        for name in ("direct", "session"):
            try:
                found = run_client(CLIENTS[name], job)
            except SkippedError as reason:
                reasons[CLIENTS[name].title] = str(reason)
                continue
            data.append({"name": name, **asdict(found)})
            whole = ProgramRun(found.wall, found.cpu, int(found.peak_rss), "")
            rows.append(_scale_row(told(CLIENTS[name].title, found), whole, job))
        for title, run, ok in _commands(job):
            data.append({"name": title, "lookups": job.lookups, "ok": ok, **_figures(run)})
            lost = f": {job.lookups - ok:,} NOT ANSWERED" if ok != job.lookups else ""
            rows.append(_scale_row(f"`{title}`{lost}", run, job))
    text = table(HEADS, rows) + skipped(reasons)
    return Section("scale", f"{plan.million:,} emails", text, {"runs": data})


def _commands(job: Job) -> list[tuple[str, ProgramRun, int]]:
    """Run the commands on one file of results, and say of each how many records it has right."""
    with tempfile.TemporaryDirectory(prefix="ltx-async-bench-") as folder:
        source, results = Path(folder) / "emails.txt", Path(folder) / "results.jsonl"
        first = check(job, source, results)
        found = answered(results, job.lookups)
        summary = Path(folder) / "summary.json"
        again = check(job, source, results, "--resume", "--summary-json", str(summary))
        resumed = json.loads(summary.read_text("utf-8"))["already_done"]
        told_as = Path(folder) / "report.json"
        command = [*PROGRAM, "report", str(results), "--json"]
        report = run_program(command, told_as, environment(job))
        reported = json.loads(told_as.read_text("utf-8"))["outcomes"]["ok"]
    return [
        ("check -o OUT.jsonl", first, found),
        ("check --resume, all done", again, resumed),
        ("report", report, reported),
    ]


def _scale_row(title: str, run: ProgramRun, job: Job) -> tuple[str, ...]:
    per_email = number(run.cpu / job.lookups * 1e6, 1)
    return title, number(run.wall, 1), number(run.cpu, 1), per_email, mebibytes(run.peak_rss)


def _figures(run: ProgramRun) -> dict[str, float]:
    return {"wall": run.wall, "cpu": run.cpu, "peak_rss": run.peak_rss}
