import json
import os
import threading
import urllib.error
import urllib.request

import pytest

from ltx_async.emulator import EXAMPLE_TOKEN


def ask(base_url, path="/ltxstudio/accounts", token=EXAMPLE_TOKEN):
    request = urllib.request.Request(base_url + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.load(reply)


@pytest.mark.parametrize(("number", "status"), [(2, 130), (15, 143)])
def test_the_first_line_is_the_base_url_and_a_signal_ends_it_cleanly(launch, number, status):
    process = launch("serve", "--count", "3", "--port", "0")
    base_url = process.stdout.readline().decode().strip()
    assert len(ask(base_url)) == 3
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (status, b"")
    assert b"answered 1 request" in err
    assert b"Traceback" not in err


def served(ltx, *arguments, look):
    """Run `serve` in this process, look at it from a thread, and interrupt it."""
    seen = []

    def visit():
        try:
            seen.append(look())
        except urllib.error.HTTPError as error:
            seen.append(error.code)
            error.close()
        finally:
            os.kill(os.getpid(), 15)

    threading.Timer(0.3, visit).start()
    ended = ltx("serve", *arguments)
    assert ended.status == 143
    return seen[0]


def test_an_account_file_is_served_under_the_token_of_a_file(ltx, tmp_path, unused_port):
    (tmp_path / "a.jsonl").write_text('{"email": "ann@example.com", "maxJobs": 7}\n')
    (tmp_path / "token").write_text("user:9-other\n")
    (tmp_path / "token").chmod(0o600)
    base = f"http://127.0.0.1:{unused_port}/v1"
    options = ["--accounts", "a.jsonl", "--token-file", "token", "--port", unused_port, "--quiet"]
    accounts = served(ltx, *options, look=lambda: ask(base, token="user:9-other"))
    assert accounts == {"ann@example.com": {"email": "ann@example.com", "maxJobs": 7}}
    assert served(ltx, *options, look=lambda: ask(base)) == 401


def test_without_a_token_the_example_is_accepted(ltx, monkeypatch, unused_port):
    monkeypatch.delenv("USEAPI_TOKEN")
    base = f"http://127.0.0.1:{unused_port}/v1"
    assert len(served(ltx, "--port", unused_port, "--count", "2", look=lambda: ask(base))) == 2


def test_faults_come_as_asked(ltx, unused_port):
    lookup = f"http://127.0.0.1:{unused_port}/v1"
    options = ["--fault", "503=100", "--port", unused_port, "--latency", "1", "--seed", "3"]
    path = "/ltxstudio/accounts/user000001@example.com"
    assert served(ltx, *options, look=lambda: ask(lookup, path)) == 503


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_port_in_use_is_told_with_what_to_do(ltx, server):
    ended = ltx("serve", "--port", server.emulator.port)
    assert ended.status == 4
    assert ended.err == (
        f"error: port {server.emulator.port}: Address already in use. "
        "Choose another one, or --port 0 for a free one.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "wrong=1"],
        ["--fault", "503"],
        ["--unhealthy", "101"],
        ["--count", "-1"],
        ["--accounts", "nowhere.json"],
        ["--accounts", "broken.json"],
        ["--accounts", "broken.json", "--count", "1"],
        ["--port", "70000"],
        ["--token-file", "nowhere"],
    ],
)
def test_usage_errors_are_exit_2(ltx, tmp_path, arguments):
    (tmp_path / "broken.json").write_text("{")
    ended = ltx("serve", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "Traceback" not in ended.err
