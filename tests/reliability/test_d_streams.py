"""Promise 45: data and talk never mix, and a stream that fails ends a command in one line."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from ltx_async.emulator import Emulator, Status

from .conftest import TOKEN
from .shell import Ended, command, surroundings

ACCOUNTS = [{"email": f"{name}@example.com", "maxJobs": 3} for name in ("ann", "bob", "eve")]


@pytest.fixture
def emulator():
    with Emulator(ACCOUNTS, token=TOKEN) as running:
        for _ in range(3):
            running.script("bob@example.com", Status(404))
        yield running


@pytest.fixture
def inputs(tmp_path):
    (tmp_path / "in.txt").write_text("ann@example.com\nbob@example.com\n\n:@\neve@example.com\n")
    record = {"email": "ann@example.com", "outcome": "failed", "status": 500, "attempts": 1}
    record |= {"elapsed_ms": 1.0, "checked_at": "2026-01-02T03:04:05.678Z", "account": None}
    record["error"] = {"type": "ServerError", "message": "HTTP 500", "hint": "", "ray": None}
    (tmp_path / "r.jsonl").write_text(json.dumps(record) + "\n")
    return tmp_path


def in_shell(arguments, streams, *, base_url, cwd) -> Ended:
    """Run a command as a shell does, with its streams as the shell's words say."""
    words = shlex.join(command(*arguments))
    ended = subprocess.run(
        ["sh", "-c", f"exec {words} {streams}"],
        cwd=cwd,
        env=surroundings(base_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


TALKATIVE = {
    "check": (("check", "in.txt", "--min-balance", "10"), 1),
    "check from nowhere": (("check", "missing.txt"), 2),
    "watch": (("watch", "in.txt", "--rounds", "1", "--json"), 1),
    "get": (("get", "ann@example.com", "bob@example.com"), 1),
    "get nothing": (("get", ":@", "--rate", "0"), 2),
    "accounts": (("accounts",), 0),
    "doctor": (("doctor", "--json"), 0),
    "a wrong option": (("check", "--wrong"), 2),
    "a wrong command": (("chek",), 2),
    "report": (("report", "missing.jsonl"), 2),
}


@pytest.mark.parametrize(("arguments", "status"), TALKATIVE.values(), ids=TALKATIVE)
def test_with_standard_error_closed_standard_output_is_data_alone(
    inputs, emulator, arguments, status
):
    ended = in_shell(arguments, "2>&-", base_url=emulator.base_url, cwd=inputs)
    assert (ended.status, ended.err) == (status, b"")
    for line in ended.out.splitlines():
        assert isinstance(json.loads(line), dict)
    assert bool(ended.out) == (status < 2)


def test_with_standard_error_closed_no_file_takes_its_place(inputs, emulator):
    ended = in_shell(
        ("check", "in.txt", "-o", "out.db", "--min-balance", "10"),
        "2>&- <&-",
        base_url=emulator.base_url,
        cwd=inputs,
    )
    assert (ended.status, ended.out) == (1, b"")
    assert (inputs / "out.db").read_bytes().startswith(b"SQLite format 3")
    assert b"warning" not in (inputs / "out.db").read_bytes()


def test_without_the_packages_of_the_command_line_nothing_goes_to_standard_output():
    code = "import sys; sys.modules['rich'] = None; import ltx_async.__main__ as m; m.main()"
    ended = subprocess.run(
        ["sh", "-c", f"exec {shlex.join([sys.executable, '-c', code])} 2>&-"],
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, b"")


WRITING = {
    "report": ("report", "r.jsonl"),
    "report --json": ("report", "r.jsonl", "--json"),
    "doctor": ("doctor",),
    "doctor --json": ("doctor", "--json"),
    "serve": ("serve", "--quiet"),
    "accounts": ("accounts", "--quiet"),
    "get": ("get", "ann@example.com", "--quiet"),
    "check": ("check", "in.txt", "--quiet"),
    "check --dry-run": ("check", "in.txt", "--dry-run", "--quiet"),
    "watch": ("watch", "in.txt", "--rounds", "1", "--quiet"),
    "--help": ("--help",),
    "check --help": ("check", "--help"),
    "--version": ("--version",),
}
FAULTS = {
    "full": (">/dev/full", 4, b"standard output: disk full"),
    "closed": (">&-", 2, b"standard output is closed"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("arguments", WRITING.values(), ids=WRITING)
def test_a_standard_output_that_takes_nothing_is_one_line_and_a_status(
    inputs, emulator, arguments, fault
):
    streams, status, words = FAULTS[fault]
    ended = in_shell(arguments, streams, base_url=emulator.base_url, cwd=inputs)
    assert ended.status == status, ended.err
    said = [line for line in ended.err.splitlines() if not line.startswith((b"warning", b"alert"))]
    assert len([line for line in said if words in line]) == 1
    assert said[-1].startswith(b"error: ")
    assert b"Traceback" not in ended.err


def test_demo_needs_no_standard_output(tmp_path):
    for streams in (">/dev/full", ">&-"):
        ended = in_shell(("demo", "-q"), streams, base_url="http://127.0.0.1:9/v1", cwd=tmp_path)
        assert ended.status == 0, ended.err


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "2>/dev/full", ">/dev/full 2>/dev/full"])
@pytest.mark.parametrize("arguments", [("report", "r.jsonl"), ("doctor",), ("get", "ann@x.org")])
def test_whatever_the_streams_are_there_is_no_traceback(inputs, emulator, arguments, streams):
    ended = in_shell(arguments, streams, base_url=emulator.base_url, cwd=inputs)
    assert ended.status in {0, 1, 2, 4}
    assert b"Traceback" not in ended.said


def test_a_report_that_nobody_reads_to_its_end_is_141(inputs, emulator):
    for arguments in (("report", "r.jsonl"), ("report", "r.jsonl", "--json"), ("doctor",)):
        reading, writing = os.pipe()
        os.close(reading)
        ended = subprocess.run(
            command(*arguments),
            cwd=inputs,
            env=surroundings(emulator.base_url),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(writing)
        assert (ended.returncode, ended.stderr) == (141, b"")
