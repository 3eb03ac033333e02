"""Jobs of the examples as processes: examples/nightly.py and examples/workers.py."""

import asyncio
import json
import os
import subprocess
import sys
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections import Counter
from contextlib import contextmanager
from textwrap import indent
from types import SimpleNamespace

import pytest
from patience import LONG, until

from ltx_async import LTXClient
from ltx_async.emulator import Emulator, GeneratedAccounts, Status
from ltx_async.results import read_results
from ltx_async.sync import LTXClient as SyncClient

from .recipes import PROJECT, example, recipes

EMAILS = [f"user{number:06}@example.com" for number in range(1, 301)]


@pytest.fixture
def emulator(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "emails.txt").write_text("\n".join([*EMAILS, ""]))
    with Emulator(GeneratedAccounts(300, unhealthy=0)) as emulator:
        monkeypatch.setenv("USEAPI_API", emulator.base_url)
        monkeypatch.setenv("USEAPI_TOKEN", emulator.token)
        yield emulator


@contextmanager
def running(name, *arguments, **options):
    with subprocess.Popen(
        [sys.executable, "-X", "dev", PROJECT / "examples" / name, *arguments],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as job:
        try:
            yield job
        finally:
            job.kill()


@pytest.fixture
def nightly():
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    tenacity = pytest.importorskip("tenacity", reason="tenacity is not installed")
    nightly = example("nightly")
    nightly.look_up.retry.wait = tenacity.wait_none()
    return nightly


def test_the_nightly_job_does_the_rest_after_it_was_killed(nightly, emulator):
    emulator.latency = 0.05
    with running("nightly.py", "emails.txt", "results.jsonl") as job:
        until(lambda: emulator.request_count >= 60)
    emulator.latency = 0
    with running("nightly.py", "emails.txt", "results.jsonl") as job:
        _, said = job.communicate(timeout=LONG)
    assert job.returncode == 0, said
    assert "100%" in said
    assert "emails/s" in said
    assert Counter(record.email for record in read_results("results.jsonl")) == Counter(EMAILS)


async def test_the_nightly_job_goes_on_after_a_run_that_ended_early(nightly, emulator, capsys):
    for number, wait in ((50, "3600"), (200, "7200")):
        emulator.script(EMAILS[number], Status(429, headers={"Retry-After": wait}))
    emulator.script(EMAILS[100], 400)
    await nightly.look_up("emails.txt", "results.sqlite")
    outcomes = {record.email: record.outcome for record in read_results("results.sqlite")}
    assert outcomes == dict.fromkeys(EMAILS, "ok")
    assert nightly.look_up.statistics["attempt_number"] == 3


async def test_the_nightly_job_does_not_try_again_what_cannot_pass(nightly, emulator):
    emulator.script(None, 401, forever=True)
    with pytest.raises(nightly.LTXError, match="HTTP 401"):
        await nightly.look_up("emails.txt", "results.jsonl")
    assert nightly.look_up.statistics["attempt_number"] == 1


def test_workers_share_the_work_and_hand_back_what_the_emulator_says(emulator):
    emails = " ".join([*EMAILS, "nobody@example.com"])
    with running("workers.py", stdin=subprocess.PIPE) as workers:
        printed, said = workers.communicate(emails, timeout=LONG)
    # Where the machine is busy, asyncio in debug mode says which callbacks were slow.
    said = [line for line in said.splitlines() if not line.startswith("Executing <")]
    assert (workers.returncode, said) == (0, [])
    records = [json.loads(line) for line in printed.splitlines()]
    assert [record["email"] for record in records] == [*EMAILS, "nobody@example.com"]
    assert Counter(record["outcome"] for record in records) == {"ok": 300, "not_found": 1}
    assert "cookie" not in printed


@pytest.mark.parametrize("number", range(3))
def test_a_bar_is_one_line(emulator, number, capsys):
    asyncio_tqdm = pytest.importorskip("tqdm.asyncio", reason="tqdm is not installed")
    rich_progress = pytest.importorskip("rich.progress")
    recipe = recipes("python.md", "Progress", "py")[number].replace(
        "    ...\n", "    seen.append(lookup.email)\n"
    )
    scope = {
        "seen": [],
        "emails": EMAILS,
        "tqdm": asyncio_tqdm.tqdm,
        "rich": SimpleNamespace(progress=rich_progress),
    }
    if recipe.startswith("async"):
        program = "async with LTXClient() as client, client.lookup_many(emails) as lookups:\n"
        code = compile(
            program + indent(recipe, "    "), "recipe", "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
        asyncio.run(eval(code, scope | {"LTXClient": LTXClient}))
    else:
        with SyncClient() as client:
            exec(recipe, scope | {"client": client})
    assert sorted(scope["seen"]) == EMAILS
    shown = "".join(capsys.readouterr())
    assert "100%" in shown
