import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial

import pytest
from patience import LONG, signal_when, until
from ports import free_port, listens

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
    out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out) == (status, b"")
    assert b"answered 1 request" in err
    assert b"Traceback" not in err


def served(ltx, *arguments, look):
    """Run `serve` in this process, look at it from a thread, and interrupt it."""
    seen, port = [], arguments[arguments.index("--port") + 1]

    def visited():
        if not listens(port):
            return False
        try:
            seen.append(look())
        except urllib.error.HTTPError as error:
            seen.append(error.code)
            error.close()
        return True

    signal_when(visited, 15)
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
    return free_port()


def test_a_port_in_use_is_told_with_what_to_do(ltx, server):
    ended = ltx("serve", "--port", server.emulator.port)
    assert ended.status == 2
    assert ended.err == (
        f"error: port {server.emulator.port}: Address already in use. "
        "Choose another one, or --port 0 for a free one.\n"
    )


# Accounts that change


@pytest.fixture
def following(launch, tmp_path):
    """A server of `a.jsonl` that reads it again when it changes, and says so."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"email": "ann@example.com"}\n')
    process = launch("serve", "--accounts", "a.jsonl", "--reload")
    base_url = process.stdout.readline().decode().strip()
    assert [process.stderr.readline()[:8] for _ in range(2)] == [b"serving ", b"  ltx-as"]
    return process, base_url, path


def test_a_file_that_changes_is_served_anew(following):
    process, base_url, path = following
    path.write_text('{"email": "ann@example.com"}\n{"email": "bob@example.com"}\n')
    assert process.stderr.readline() == b"serving 2 accounts of 'a.jsonl' now\n"
    assert list(ask(base_url)) == ["ann@example.com", "bob@example.com"]


def test_a_file_that_is_no_good_for_a_moment_is_told_once_and_changes_nothing(following):
    process, base_url, path = following
    path.write_text('{"email": "ann@exam')
    told = process.stderr.readline().decode()
    assert told == (
        "warning: the account file 'a.jsonl' cannot be used: line 1, column 11: Unterminated "
        "string starting at; expected a JSON object from email to account, a JSON array of "
        "accounts, or JSON Lines; the accounts from before are served on.\n"
    )
    assert list(ask(base_url)) == ["ann@example.com"]
    path.unlink()
    assert b"'a.jsonl': No such file or directory; the accounts from b" in process.stderr.readline()
    assert list(ask(base_url)) == ["ann@example.com"]
    path.write_text('{"email": "bob@example.com"}')
    assert process.stderr.readline() == b"serving 1 account of 'a.jsonl' now\n"
    assert list(ask(base_url)) == ["bob@example.com"]


def test_a_hang_up_reads_the_file_again_and_does_not_end_it(following):
    process, base_url, _ = following
    for _ in range(2):
        process.send_signal(1)
        assert process.stderr.readline() == b"serving 1 account of 'a.jsonl' now\n"
    assert list(ask(base_url)) == ["ann@example.com"]
    process.send_signal(15)
    assert process.communicate(timeout=LONG)[1] == b"answered 1 request\n"
    assert process.returncode == 143


def test_a_hang_up_is_heard_from_the_first_line_on(launch, tmp_path):
    (tmp_path / "a.json").write_text('[{"email": "ann@example.com"}]')
    process = launch("serve", "--accounts", "a.json", "--reload")
    base_url = process.stdout.readline().decode().strip()
    process.send_signal(1)
    said = [process.stderr.readline() for _ in range(3)]
    assert said[2] == b"serving 1 account of 'a.json' now\n"
    assert list(ask(base_url)) == ["ann@example.com"]


def test_accounts_come_and_go_with_the_file_and_change_by_themselves(ltx, tmp_path, unused_port):
    path = tmp_path / "a.json"
    path.write_text('[{"email": "ann@example.com"}]')
    base = f"http://127.0.0.1:{unused_port}/v1"

    def look():
        path.write_text("[")
        time.sleep(0.6)
        path.write_text('[{"email": "bob@example.com"}, {"email": "eve@example.com"}]')
        until(lambda: list(ask(base)) == ["bob@example.com", "eve@example.com"])
        until(lambda: any("error" in account for account in ask(base).values()))

    options = ["--accounts", "a.json", "--reload", "--drift", "0.05s", "--port", unused_port]
    served(ltx, *options, look=look)


def test_without_reload_the_file_is_read_once_and_a_hang_up_is_the_end(launch, tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"email": "ann@example.com"}]')
    process = launch("serve", "--accounts", path)
    base_url = process.stdout.readline().decode().strip()
    path.write_text("[]")
    time.sleep(0.6)
    assert list(ask(base_url)) == ["ann@example.com"]
    process.send_signal(1)
    assert process.wait(timeout=LONG) == 129


def drifted(launch, *options, lines=6):
    process = launch("serve", "--count", "20", "--drift", "0.02s", *options)
    base_url = process.stdout.readline().decode().strip()
    said = [process.stderr.readline().decode() for _ in range(2 + lines)][2:]
    accounts = ask(base_url)
    process.send_signal(15)
    assert process.wait(timeout=LONG) == 143
    return said, accounts


def test_drifting_accounts_change_and_it_is_said_how(launch):
    said, accounts = drifted(launch, "--seed", "1", lines=30)
    assert all(line.startswith("drift: user0000") for line in said)
    assert len(accounts) == 20
    assert any("error" in account for account in accounts.values())
    assert drifted(launch, "--seed", "1")[0] == said[:6]
    assert drifted(launch, "--seed", "2")[0] != said[:6]


def test_drift_alone_is_a_change_a_second(launch):
    process = launch("serve", "--drift", "--count", "20")
    lines = [(process.stderr.readline()[:5], time.monotonic()) for _ in range(3)]
    assert lines[2][0] == b"drift"
    assert 0.7 < lines[2][1] - lines[1][1] < 3


def test_quiet_drifts_in_silence(launch):
    process = launch("serve", "--drift", "0.01s", "--count", "20", "--quiet")
    base_url = process.stdout.readline().decode().strip()
    while not any("error" in account for account in ask(base_url).values()):
        pass
    process.send_signal(15)
    assert process.communicate(timeout=LONG)[1] == b""


# What it says first


@pytest.mark.parametrize("given", [None, "a file"])
def test_the_command_that_it_shows_works_in_a_terminal_without_a_token(
    launch, tmp_path, monkeypatch, given
):
    monkeypatch.delenv("USEAPI_TOKEN")
    options = []
    if given == "a file":
        (tmp_path / "my token").write_text("user:9-other\n")
        (tmp_path / "my token").chmod(0o600)
        options = ["--token-file", "my token"]
    process = launch("serve", "--count", "3", "--port", "0", *options)
    first = process.stderr.readline()
    command = process.stderr.readline().decode()
    assert first == b"serving 3 accounts; try in another terminal:\n"
    monkeypatch.delenv("USEAPI_API")
    line = command.replace("ltx-async", f"{sys.executable} -m ltx_async")
    ended = subprocess.run(["sh", "-c", line], capture_output=True, check=False, cwd=tmp_path)
    assert ended.stdout.count(b"\n") == 3
    process.send_signal(15)


@pytest.mark.parametrize("token", ["user:9-secret", EXAMPLE_TOKEN])
def test_a_token_that_was_given_is_not_shown(launch, monkeypatch, token):
    monkeypatch.setenv("USEAPI_TOKEN", token)
    process = launch("serve", "--count", "3", "--port", "0")
    assert b"in another terminal, with the same API token:" in process.stderr.readline()
    assert process.stderr.readline().startswith(b"  ltx-async accounts --base-url ")
    process.send_signal(15)
    out, err = process.communicate(timeout=LONG)
    assert token.encode() not in out + err


# Where it listens


def test_other_machines_are_let_in_with_a_warning(ltx, unused_port):
    signal_when(partial(listens, unused_port), 15)
    ended = ltx("serve", "--host", "0.0.0.0", "--count", "3", "--port", unused_port)
    assert (ended.status, ended.out) == (143, f"http://127.0.0.1:{unused_port}/v1\n")
    _, hint, warning, _ = ended.err.splitlines()
    assert hint == f"  ltx-async accounts --base-url http://127.0.0.1:{unused_port}/v1"
    assert warning == (
        "warning: 0.0.0.0 is not loopback: other machines may ask, and API tokens travel to here "
        "in plain HTTP. Use no real one."
    )


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost"])
def test_loopback_under_another_name_is_no_matter_for_a_warning(launch, host):
    process = launch("serve", "--host", host, "--count", "3")
    base_url = process.stdout.readline().decode().strip()
    assert base_url.startswith(f"http://{host}:")
    assert len(ask(base_url)) == 3
    process.send_signal(15)
    assert b"warning" not in process.communicate(timeout=LONG)[1]


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "Cannot assign requested address"),
        ("a..b", "no such host"),  # no resolver is asked,
    ],
)
def test_an_address_of_another_machine_is_told_with_what_to_do(ltx, host, reason):
    ended = ltx("serve", "--host", host)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == (
        f"error: host {host}: {reason}. Choose an address of this machine, such as 127.0.0.1.\n"
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
        ["--reload"],
        ["--reload", "--count", "3"],
        ["--accounts", "good.json", "--unhealthy", "10"],
        ["--drift", "soon"],
        ["--drift", "0s"],
    ],
)
def test_usage_errors_are_exit_2(ltx, tmp_path, arguments):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "good.json").write_text("{}")
    ended = ltx("serve", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "Traceback" not in ended.err
