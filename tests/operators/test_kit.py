"""The operators' kit does what it says, as far as that needs no program but Python and a shell."""

import csv
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from command_line import healthy
from kit import EXAMPLES, given, here, image, run, started_by, token_file, unit
from patience import LONG, until

from ltx_async.alerts import Need
from ltx_async.cli.exits import ExitStatus
from ltx_async.emulator import Emulator
from ltx_async.models import Outcome
from ltx_async.monitor.figures import ENDING_WITHIN
from ltx_async.monitor.series import Series

ANN, BOB, CAY = "ann@example.com", "bob@example.com", "cay@example.com"


@pytest.fixture
def emulator():
    with Emulator([healthy(ANN), healthy(BOB)]) as emulator:
        yield emulator


@pytest.fixture
def api(emulator):
    return {"USEAPI_API": emulator.base_url}


# systemd


def test_the_service_watches_with_what_systemd_gives_it(emulator, api, tmp_path, launch):
    token_file(tmp_path / "token", emulator.token)
    (tmp_path / "ltx-async").mkdir()
    command = started_by("ltx-async-watch.service", d=tmp_path, S=tmp_path)
    emulator.put(healthy(ANN, error="session expired"))
    done = run([*given(command, metrics_port=0), "--rounds", "1"], env=api, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"alert: \S+ broken {ANN}: .*session expired\n", done.stderr)
    assert (tmp_path / "ltx-async" / "watch.json").exists()


def test_the_service_knows_which_ends_are_none_of_its_failures():
    service = dict(unit("ltx-async-watch.service"))
    assert service["SuccessExitStatus"] == str(128 + 15)
    refused = f"{ExitStatus.USAGE:d} {ExitStatus.NO_ACCESS:d}"
    assert service["RestartPreventExitStatus"] == refused
    daily = dict(unit("ltx-async-daily.service"))
    assert daily["SuccessExitStatus"] == f"{ExitStatus.ATTENTION:d} {128 + 15}"


def test_the_daily_round_tells_each_thing_once(emulator, api, tmp_path):
    token_file(tmp_path / "token", emulator.token)
    (tmp_path / "ltx-async-daily").mkdir()
    command = started_by("ltx-async-daily.service", d=tmp_path, S=tmp_path)
    emulator.put(healthy(BOB, balance={"LTXStudio_token": 3}))
    ends = [run(command, env=api, cwd=tmp_path) for _ in range(2)]
    assert [done.returncode for done in ends] == [1, 1]
    assert [done.stderr.count("low_balance") for done in ends] == [1, 0]


# Containers


def test_the_image_watches_and_its_health_check_tells_whether_it_does(
    emulator, api, tmp_path, launch, monkeypatch
):
    token_file(tmp_path / "token", emulator.token)
    watch = given(
        image("CMD"),
        state=tmp_path / "watch.json",
        token_file=tmp_path / "token",
        metrics_address="127.0.0.1:0",
    )
    watch.remove("--quiet")  # which hides where the metrics are
    monkeypatch.setenv("USEAPI_API", emulator.base_url)
    assert here(image("ENTRYPOINT"))[0].endswith("/ltx-async")
    process = launch(*watch)
    url = re.search(r"http://\S+", process.stderr.readline().decode())[0]
    check = here(image("HEALTHCHECK"))
    assert check[-2:] == ["http://127.0.0.1:9464/metrics", "900"]
    check[-2] = url
    until(lambda: run(check).returncode == 0)
    stale = run([*check[:-1], "0"])
    assert stale.returncode == 1
    assert re.fullmatch(r"the last round was [0-9]+ seconds ago\n", stale.stderr)
    process.terminate()
    process.communicate(timeout=LONG)
    assert process.returncode == 143
    gone = run(check)
    assert (gone.returncode, gone.stderr[:10]) == (1, "no metrics")


def test_the_image_and_compose_agree_on_who_runs_it_and_where_its_token_is():
    compose = (EXAMPLES / "container" / "compose.yaml").read_text()
    dockerfile = (EXAMPLES / "container" / "Dockerfile").read_text()
    (user,) = re.findall(r"^USER ([0-9]+:[0-9]+)$", dockerfile, re.MULTILINE)
    assert not user.startswith("0:")
    assert f'user: "{user}"' in compose
    assert "read_only: true" in compose
    (secret,) = re.findall(r"secrets: \[(.*)\]", compose)
    command = image("CMD")
    assert command[command.index("--token-file") + 1] == f"/run/secrets/{secret}"
    (volume,) = re.findall(r'volumes: \["[\w-]+:(.*)"\]', compose)
    assert command[command.index("--state") + 1].startswith(f"{volume}/")
    port = command[command.index("--metrics-address") + 1].rpartition(":")[2]
    assert f"EXPOSE {port}\n" in dockerfile
    assert f":{port}:{port}" in compose
    assert f":{port}/" in image("HEALTHCHECK")[-2]


class Page(BaseHTTPRequestHandler):
    """Answers with what the server holds, and keeps what it is sent."""

    def do_GET(self):
        self.reply(200)

    def do_POST(self):
        self.server.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(self.server.status)

    def reply(self, status):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def page():
    server = HTTPServer(("127.0.0.1", 0), Page)
    server.posted, server.status, server.body = [], 200, b"ok"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 1),
        ("# HELP nothing\n", 1),
        ("ltx_last_round_timestamp_seconds {now}\n", 0),
        ('ltx_last_round_timestamp_seconds{{customer="a}} 1"}} {now}\n', 0),
        ("ltx_last_round_timestamp_seconds {old}\n", 1),
    ],
)
def test_health_is_the_age_of_the_last_round(page, body, status):
    now = time.time()
    page.body = body.format(now=now, old=now - 5000).encode()
    url = f"http://127.0.0.1:{page.server_port}/metrics"
    done = run(["python3", EXAMPLES / "container" / "healthy.py", url, "900"])
    assert done.returncode == status
    assert "Traceback" not in done.stderr


# Alerts


def chat(page, tmp_path, alerts):
    webhook = tmp_path / "webhook"
    webhook.write_text(f"http://127.0.0.1:{page.server_port}/hook\n")
    script = EXAMPLES / "alerts" / "chat_alert.py"
    return run(["python3", script, webhook], input=json.dumps({"alerts": alerts}))


def alert(number):
    return {"change": "broken", "email": f"user{number}@example.com", "text": "sign <in> & go"}


def test_alerts_are_one_message_in_a_chat(page, tmp_path):
    service = {"change": "outage", "email": None, "text": "no answer"}
    assert chat(page, tmp_path, [alert(1), service]).returncode == 0
    (posted,) = page.posted
    assert json.loads(posted) == {
        "text": "broken user1@example.com: sign &lt;in&gt; &amp; go\noutage service: no answer"
    }


def test_a_message_is_short_whatever_happens(page, tmp_path):
    assert chat(page, tmp_path, [alert(number) for number in range(1000)]).returncode == 0
    lines = json.loads(page.posted[0])["text"].splitlines()
    assert (len(lines), lines[-1]) == (21, "and 980 more")


def test_alerts_that_a_chat_does_not_take_are_handed_over_again(page, emulator, api, tmp_path):
    webhook = tmp_path / "webhook"
    webhook.write_text(f"http://127.0.0.1:{page.server_port}/hook")
    token_file(tmp_path / "token", emulator.token)
    emulator.put(healthy(ANN, error="session expired"))
    told = f"python3 {EXAMPLES / 'alerts' / 'chat_alert.py'} {webhook}"
    once = ["ltx-async", "watch", "--from-api", "--rounds", "1", "--state", "state",
            "--token-file", "token", "--on-alert", told]  # fmt: skip
    for status in (503, 200, 200):
        page.status = status
        assert run(once, env=api, cwd=tmp_path).returncode == 1
    assert len(page.posted) == 2
    assert [json.loads(one)["text"].count(ANN) for one in page.posted] == [1, 1]


# Several API tokens


def test_several_tokens_have_a_run_each_and_one_report(tmp_path):
    acme = Emulator([healthy(ANN), healthy(BOB, error="session expired")], token="user:1-acme")
    bolt = Emulator([healthy(CAY)], token="user:2-bolt")
    (tmp_path / "tokens").mkdir()
    for emulator in (acme, bolt):
        token_file(tmp_path / "tokens" / emulator.token[7:], emulator.token)
    with acme, bolt:
        # Which customer's accounts are seen depends on the token, here on a server for each.
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "ltx-async").write_text(
            '#!/bin/sh\ncase "$*" in *tokens/bolt*) export USEAPI_API=$BOLT;; esac\n'
            'exec "$LTX_ASYNC" "$@"\n'
        )
        (tmp_path / "bin" / "ltx-async").chmod(0o700)
        environment = {
            "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
            "LTX_ASYNC": here(image("ENTRYPOINT"))[0],
            "USEAPI_API": acme.base_url,
            "BOLT": bolt.base_url,
        }
        script = EXAMPLES / "several_tokens" / "check_all.sh"
        first = run(["sh", script, "tokens", "results"], env=environment, cwd=tmp_path)
        assert first.returncode == 1
        bolt.token = "user:2-another"
        second = run(["sh", script, "tokens", "results"], env=environment, cwd=tmp_path)
    results = tmp_path / "results"
    assert "3 emails" in first.stdout
    assert {one.name for one in results.glob("*.jsonl")} == {"acme.jsonl", "bolt.jsonl"}
    with (results / "attention.csv").open() as file:
        assert [row["email"] for row in csv.DictReader(file)] == [BOB]
    assert (second.returncode, "bolt: exit status 3" in second.stderr) == (3, True)
    assert "3 emails" in second.stdout  # what was known of the other one stays
    texts = {path.stem: path.read_text() for path in (results / "metrics").iterdir()}
    assert 'ltx_accounts{customer="acme",outcome="needs_reauth"} 1.0' in texts["acme"]
    assert 'ltx_service_up{customer="bolt"} 0.0' in texts["bolt"]


# Prometheus


def test_the_rules_are_about_series_that_exist():
    from ltx_async.monitor.metrics import Metrics

    metrics = Metrics(Series({"customer": "acme"}), accounts=True)
    known = {}
    for family in metrics.describe():
        labels = {name for sample in family.samples for name in sample.labels}
        for suffix in {"counter": ["_total"], "histogram": ["_bucket"]}.get(family.type, [""]):
            known[family.name + suffix] = labels
    rules = (EXAMPLES / "prometheus" / "rules.yml").read_text()
    conditions = re.findall(r"^ +expr: (.*)$", rules, re.MULTILINE)
    assert len(conditions) == rules.count("- alert:") >= 10
    outcomes_and_reasons = {*Outcome, *Need, *ENDING_WITHIN}
    for condition in conditions:
        used = re.findall(r"\b(ltx_\w+)(?:\{(\w+)=\"(\w+)\"\})?", condition)
        assert used
        for name, label, value in used:
            assert not label or (label in known[name] and value in outcomes_and_reasons)
            assert name in known
