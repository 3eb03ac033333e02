"""The examples do what they say."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

pytest_plugins = ["ltx_async.testing"]

EXAMPLES = Path(__file__).parent.parent / "examples"
ANN = "ann@example.com"
SCRIPTS = Path(sys.executable).parent


@pytest.fixture
def web_app():
    spec = importlib.util.spec_from_file_location("web_app", EXAMPLES / "web_app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_web_application_answers_from_one_shared_client(web_app, ltx_emulator):
    ltx_emulator.put({"email": ANN, "balance": {"LTXStudio_token": 150}})
    ltx_emulator.script("bob@example.com", 400)
    async with TestClient(TestServer(web_app.application())) as browser:
        for _ in range(3):
            reply = await browser.get(f"/balance/{ANN}")
            assert await reply.json() == {"balance": 150, "needs_reauth": False}
        assert (await browser.get("/balance/nobody@example.com")).status == 404
        broken = await browser.get("/balance/bob@example.com")
        assert (broken.status, set(await broken.json())) == (502, {"error", "hint"})
    assert ltx_emulator.connection_count == 1


@pytest.mark.parametrize("own_server", [True, False])
def test_the_notebook_runs_with_a_token_and_without(ltx_emulator, monkeypatch, own_server):
    for number in range(7):
        email = f"user{number}@example.com"
        account = {"email": email, "balance": {"LTXStudio_token": number}}
        ltx_emulator.put(
            account | {"refreshTokenExpireUTC": f"2026-01-0{9 - number}T00:00:00.000Z"}
        )
    if own_server:
        monkeypatch.delenv("USEAPI_TOKEN")
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / "notebook.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    if own_server:
        assert ltx_emulator.request_count == 0
        assert re.match(r" +ok +1[0-9][0-9]\n +needs_reauth +[0-9]+\n", done.stdout)
    else:
        lines = [line.split() for line in done.stdout.splitlines()]
        assert lines[:3] == [["ok", "7"], ["0", "user0@example.com"], ["1", "user1@example.com"]]
        assert lines[6] == ["2026-01-03", "00:00", "user6@example.com"]


@pytest.fixture
def home(tmp_path, ltx_emulator):
    """A home directory as the crontab wants it, and a `sendmail` that keeps what it is given."""
    shutil.copytree(EXAMPLES / "cron", tmp_path / "ltx")
    shutil.copytree(EXAMPLES / "alerts", tmp_path / "ltx" / "alerts")
    token = tmp_path / "ltx" / "token"
    token.write_text(f"{ltx_emulator.token}\n")
    token.chmod(0o600)
    sendmail = tmp_path / "sendmail"
    sendmail.write_text('#!/bin/sh\ncat > "$HOME/mail.$$"\n')
    sendmail.chmod(0o700)
    return tmp_path


def test_the_cron_job_mails_what_is_new_in_one_mail(home, ltx_emulator):
    ltx_emulator.put({"email": ANN, "balance": {"LTXStudio_token": 5}})
    ltx_emulator.put({"email": "bob@example.com", "error": "session expired"} | {"maxJobs": 20})
    ltx_emulator.put({"email": "cay@example.com", "balance": {"LTXStudio_token": 50}})
    lines = (EXAMPLES / "cron" / "crontab").read_text().splitlines()
    (job,) = [line for line in lines if line.startswith("0 7 * * *")]
    environment = {
        "HOME": str(home),
        "PATH": f"{home}:{SCRIPTS}:/usr/bin:/bin",
        "USEAPI_API": os.environ["USEAPI_API"],
    }
    command = job.removeprefix("0 7 * * *").strip()
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", command], env=environment, cwd=home, timeout=60, check=False
        )
        log = (home / "ltx" / "watch.log").read_text()
        assert done.returncode == 1, log
        assert "warning" not in log
    (file,) = home.glob("mail.*")
    mail = message_from_bytes(file.read_bytes(), policy=default)
    assert mail["Subject"] == f"LTX: low_balance {ANN} and 1 more"
    assert mail["To"] == "ops@example.com"
    assert mail.get_content().splitlines() == [
        f"{ANN}: balance 5 is below 10",
        "bob@example.com: needs a new sign-in: session expired",
    ]
