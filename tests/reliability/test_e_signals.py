"""Promise 30: signals end a run soon, saved and summed up; a second one ends it at once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path

import pytest
from patience import LONG, in_time, until

from ltx_async.emulator import Status

from .interrupted import FORMATS, emails
from .replies import reply
from .shell import command, surroundings, wire_server
from .wire import in_turn

formats = pytest.mark.parametrize("form", FORMATS)
SIGNALS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def latency():
    return 0.05


@pytest.fixture
def addresses():
    return emails(400)


@pytest.mark.parametrize(("form", "number"), [*zip(FORMATS, cycle(SIGNALS), strict=False)])
def test_one_signal_saves_what_is_in_flight_and_resume_does_the_rest(checks, form, number):
    output, before = f"out.{form}", checks.emulator.request_count
    process = checks.in_mid_run(output)
    sent = time.monotonic()
    process.send_signal(number)
    ended = checks.wait(process)
    assert in_time(time.monotonic() - sent, 5)
    assert (ended.status, ended.adds_up) == (SIGNALS[number], True)
    assert "Traceback" not in ended.err
    assert 0 < ended.summary["pending"] < ended.summary["input"] == len(checks.lines)
    kept = len(checks.results(output))
    assert kept == ended.summary["input"] - ended.summary["pending"] - ended.summary["duplicate"]
    assert kept >= checks.emulator.request_count - before  # not one answer was asked for in vain
    asked = checks.emulator.request_count
    ended = checks.run(output, "--resume")
    assert (ended.status, ended.summary["already_done"]) == (1, kept)
    assert checks.emulator.request_count - asked == ended.summary["requests"]
    assert ended.summary["pending"] == 0


@pytest.mark.soak
def test_one_signal_ends_a_run_within_five_seconds_though_nobody_answers(checks):
    checks.emulator.latency = 30
    process = checks.in_mid_run("out.jsonl", asked=5)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    ended = checks.wait(process)
    took = time.monotonic() - sent
    assert took > 2  # in between, somebody might have answered
    assert in_time(took, 5)
    assert (ended.status, ended.adds_up, ended.summary["ok"]) == (130, True, 0)
    assert "Traceback" not in ended.err


@formats
def test_a_second_signal_ends_the_run_at_once_and_resume_still_completes(checks, form):
    checks.emulator.latency = 30
    process = checks.in_mid_run(f"out.{form}", asked=5)
    process.send_signal(signal.SIGINT)
    assert b"stopping" in process.stderr.readline()
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert checks.wait(process).status == 130
    assert in_time(time.monotonic() - sent, 1)
    checks.emulator.latency = 0
    ended = checks.run(f"out.{form}", "--resume")
    assert (ended.status, ended.summary["pending"], ended.adds_up) == (1, 0, True)


@pytest.mark.parametrize("form", ["jsonl", "sqlite"])
def test_one_signal_ends_a_run_within_five_seconds_though_every_account_is_huge(checks, form):
    fields = b",".join(b'"%x":0' % number for number in range(100_000))
    checks.emulator.script(None, Status(200, b'{"balance":{},' + fields + b"}"), forever=True)
    checks.emulator.latency = 0
    process = checks.in_mid_run(f"out.{form}", "--concurrency", "20", asked=20)
    until(lambda: checks.kept(f"out.{form}"))
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    ended = checks.wait(process)
    assert in_time(time.monotonic() - sent, 5)
    assert (ended.status, ended.adds_up) == (130, True)
    kept = len(checks.results(f"out.{form}"))
    assert kept == ended.summary["input"] - ended.summary["pending"] - ended.summary["duplicate"]


@formats
def test_a_signal_during_a_wait_of_a_minute_ends_it_within_a_second(checks, form):
    wait = Status(429, headers={"Retry-After": "59"})
    checks.emulator.script(None, wait, forever=True)
    checks.emulator.latency = 0
    process = checks.in_mid_run(f"out.{form}", asked=1)
    time.sleep(0.2)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ended = checks.wait(process)
    assert in_time(time.monotonic() - sent, 1)
    assert (ended.status, ended.adds_up, ended.summary["ok"]) == (143, True, 0)
    assert ended.summary["invalid"] == len(checks.results(f"out.{form}"))


ASKING = [
    "accounts",
    "doctor",
    "watch --from-api",
    "watch --list-only",
    "check --from-api -o o.csv",
]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("words", ASKING)
def test_a_signal_while_a_list_without_end_is_read_ends_a_command(tmp_path, words):
    members = b",".join(b'"%x@example.com":{"maxJobs":1}' % number for number in range(800_000))
    with (
        wire_server(in_turn([reply(200, b"{" + members + b"}")])) as server,
        (tmp_path / "err").open("wb") as err,
    ):
        process = subprocess.Popen(
            command(*words.split()),
            cwd=tmp_path,
            env=surroundings(server.base_url),
            stdout=subprocess.DEVNULL,
            stderr=err,
        )
        try:
            until(lambda: server.requests)
            until(lambda: busy_for(process.pid) > 2)  # no start takes that, but to read it does
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(LONG) == 130
            assert in_time(time.monotonic() - sent, 5)
        finally:
            process.kill()
            process.wait()
    assert b"Traceback" not in (tmp_path / "err").read_bytes()


def busy_for(pid) -> float:
    """Return the seconds of processor time that a process has had."""
    with contextlib.suppress(OSError):
        figures = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(figures[11]) + int(figures[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_signal_while_an_earlier_output_is_read_ends_the_run(checks):
    output = checks.directory / "out.jsonl"
    checks.run("out.jsonl")
    record = json.loads(output.read_bytes().splitlines()[0])
    lines = (
        json.dumps({**record, "email": f"{number}@example.com"}) + "\n" for number in range(100_000)
    )
    output.write_text("".join(lines))
    before, asked = output.read_bytes(), checks.emulator.request_count
    process = checks.start("out.jsonl", "--resume")
    until(lambda: output in opened_by(process.pid))
    process.send_signal(signal.SIGINT)
    ended = checks.wait(process)
    assert (ended.status, ended.summary, ended.err) == (130, None, "")
    assert output.read_bytes() == before
    assert checks.emulator.request_count == asked


def opened_by(pid):
    with contextlib.suppress(OSError):
        return [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    return []


def test_a_hang_up_that_nohup_has_ignored_is_ignored(checks):
    def ignoring():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    before = checks.emulator.request_count
    process = checks.start("out.jsonl", preexec_fn=ignoring)
    until(lambda: checks.emulator.request_count >= before + 10)
    process.send_signal(signal.SIGHUP)
    ended = checks.wait(process)
    assert (ended.status, ended.summary["pending"]) == (1, 0)


def test_a_reader_that_goes_away_ends_the_run_without_a_word(checks):
    process = checks.start("-", "--quiet", stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    ended = checks.wait(process)
    assert (ended.status, ended.err, ended.adds_up) == (141, "", True)
