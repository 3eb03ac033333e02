"""The benchmark, with counts so small that its numbers mean nothing: what it measures is right."""

import asyncio
import io
import json
import re
import time

import pytest

from benchmarks import measure, readme, run
from benchmarks.clients import CLIENTS, Client
from benchmarks.clients.__main__ import entry_point
from benchmarks.clients.command import answered
from benchmarks.clients.workers import arrive
from benchmarks.measure import SkippedError
from benchmarks.measurement import Job, Measurement
from benchmarks.plan import Plan
from benchmarks.reply import REPLIES
from benchmarks.sections import command, pace, single, startup
from benchmarks.server import nginx_path

TINY = Plan(
    lookups=60,
    concurrency=5,
    rounds=1,
    other_rounds=1,
    widths=(3, 10),
    sequential=20,
    growth=(60,),
    million=60,
    latency=0.001,
    latency_concurrency=5,
    latency_lookups=20,
    rate=500,
    rate_lookups=20,
    start_ups=1,
)
NOT_HERE = re.compile("not installed: |no (nginx|curl|wrk) on PATH|answered with 429")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Run the clients here, and few of the commands: to start Python a hundred times is slow."""

    def run_client(client, job):
        if reason := client.missing():
            raise SkippedError(reason)
        return entry_point(client.entry)(job)

    for module in (measure, command, single):
        monkeypatch.setattr(module, "run_client", run_client)
    for name in ("growth", "throttling"):
        monkeypatch.setattr(f"benchmarks.sections.{name}.run_client", run_client)
    monkeypatch.setattr(startup, "COMMANDS", ("get",))
    monkeypatch.setattr(pace, "SERVERS", pace.SERVERS[:1])


def measured(name, clients=None):
    (section,) = run._measured([name], clients or list(CLIENTS.values()), TINY)
    return section


def rows_of(data):
    for key in ("clients", "sizes", "runs"):
        yield from data.get(key, ())


@pytest.mark.parametrize("name", run.SECTIONS)
def test_every_section_is_measured_and_every_lookup_in_it_is_answered(name):
    if name == "tls" and nginx_path() is None:
        pytest.skip("nginx is not installed")
    data = measured(name).data
    rows = list(rows_of(data))
    assert rows or data
    for row in rows:
        if reason := row.get("skipped"):
            assert NOT_HERE.match(reason), row
        for each in row.get("rounds", ()):
            assert each["ok"] == each["lookups"] > 0, row
        if "ok" in row:
            assert row["ok"] == row["lookups"] > 0, row


def test_what_is_not_answered_is_said_in_the_table(monkeypatch):
    def deaf(_client, job):
        return Measurement(job.lookups, job.lookups - 1, 1.0, 1.0, None, None, 1)

    monkeypatch.setattr(measure, "run_client", deaf)
    assert "1 NOT ANSWERED" in measured("comparison", [CLIENTS["session"]]).text
    assert "1 NOT ANSWERED" in measured("concurrency").text


def test_a_record_that_is_missing_or_twice_is_not_answered(tmp_path):
    record = {
        "outcome": "ok",
        "checked_at": "2026-01-02T03:04:05Z",
        "account": {"balance": {"LTXStudio_token": 150}},
    }
    emails = ["ann+0@example.com", "ann+2@example.com", "ann+2@example.com"]
    lines = [json.dumps({"email": email, **record}) for email in emails]
    (tmp_path / "out.jsonl").write_text("\n".join(lines) + "\n")
    assert answered(tmp_path / "out.jsonl", 3) == 1


def test_a_reply_of_each_kind_is_what_its_name_says():
    decoded = {name: json.loads(text) for name, text in REPLIES.items()}
    assert decoded["plain"] == decoded["escaped"]
    assert "\\u2026" in REPLIES["escaped"]
    assert "\\u2026" not in REPLIES["plain"]
    assert 2_900 < len(REPLIES["large"]) < 3_100
    assert decoded["plain"].items() <= decoded["large"].items()


def test_an_email_is_charged_with_the_wait_for_those_before_it():
    async def slow_once(email):
        if email == "ann+0@example.com":
            time.sleep(0.05)  # everybody waits, as in a client that holds up its loop

    watch = asyncio.run(arrive(Job("", 20, 1, rate=1_000.0), slow_once))
    taken = watch.measurement()
    assert taken.ok == 20
    assert taken.p50_ms > 20


def test_readme_gets_its_table_and_chart_by_one_command(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    results, page, chart = (tmp_path / name for name in ("r.json", "README.md", "chart.svg"))
    chosen = ["--only", "session,aiohttp-semaphore", "--lookups", "50", "--rounds", "2"]
    assert run.main([*chosen, "--sections", "comparison", "--json", str(results)]) == 0
    page.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    readme.main([str(results), "--write", "--into", str(page), "--chart", str(chart)])
    table = out.getvalue().strip()
    assert page.read_text() == f"before\n{readme.BEGIN}\n{table}\n{readme.END}\nafter\n"
    assert "| **ltx_async, session**, asyncio" in table
    assert "<svg" in chart.read_text()


def test_readme_has_a_place_for_the_table():
    assert readme.replaced(readme.README.read_text(), "TABLE").count("TABLE") == 1
    with pytest.raises(ValueError, match="begins"):
        readme.replaced("a page", "TABLE")


def test_a_client_that_cannot_run_says_why():
    assert "not installed" in Client("x", "x:run", "x", needs=("no_such_module",)).missing()
