"""What Windows does not have is taken away: the commands work all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import LONG

PROGRAM = Path(__file__).parent / "programs" / "without_posix.py"


def ltx(*arguments, **options):
    return subprocess.run(
        [sys.executable, PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=dict(os.environ),
        **options,
    )


@pytest.fixture
def emails():
    path = Path("emails.txt")
    path.write_text("ann@example.com\nnobody@example.com\nbob@example.com\n")
    return path


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.sqlite"])
def test_results_are_written_continued_and_mended(server, emails, name):
    ended = ltx("check", emails, "-o", name, "--summary-json", "s.json", "-q")
    assert (ended.returncode, ended.stderr) == (1, "")
    for flag in ("--resume", "--retry-failed"):
        ended = ltx("check", emails, "-o", name, flag, "--summary-json", "s.json")
        assert ended.returncode == 1
        assert "going on after 3 records" in ended.stderr
    assert len(server.asked) == 3
    assert {path.name for path in Path().iterdir()} == {"emails.txt", name, "s.json"}
    assert ltx("report", name, "--json").returncode == 0


def test_standard_input_and_output_are_read_and_written(server):
    ended = ltx("check", "-", "-q", input="ann@example.com\nbob@example.com\n")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) == 2
    ended = ltx("get", "ann@example.com", "-q")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_nobody_reading_standard_output_is_a_broken_pipe(server):
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        [sys.executable, PROGRAM, "get", "ann@example.com"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    os.close(writing)
    assert process.communicate(timeout=LONG) == (None, b"")
    assert process.returncode == 141


@pytest.mark.parametrize(
    "command", [("doctor",), ("accounts",), ("watch", "--from-api", "--rounds", "1")], ids=repr
)
def test_every_other_command_works_too(server, command):
    ended = ltx(*command)
    assert ended.returncode in {0, 1}
    assert "Traceback" not in ended.stderr
    assert ended.stdout + ended.stderr


def test_a_program_is_told_of_alerts(server):
    program = f"{sys.executable} -c \"import sys; open('told', 'w').write(sys.stdin.read())\""
    watch = ("watch", "--from-api", "--rounds", "1", "--min-balance", "1000000")
    ended = ltx(*watch, "--on-alert", program)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
    assert "low_balance" in Path("told").read_text()


def test_changed_accounts_are_served_without_a_hang_up(server):
    file = Path("accounts.json")
    file.write_text('{"ann@example.com": {}}')
    process = subprocess.Popen(
        [sys.executable, PROGRAM, "serve", "--port", "0", "--accounts", file, "--reload"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout.readline()
    file.write_text('{"ann@example.com": {}, "bob@example.com": {}}')
    said = []
    while not any("serving 2 accounts" in line for line in said):
        said.append(process.stderr.readline())
        assert said[-1], said
    process.terminate()
    _, err = process.communicate(timeout=LONG)
    assert (process.returncode, "Traceback" in err) == (143, False)


def test_a_signal_ends_it_cleanly(server):
    process = subprocess.Popen(
        [sys.executable, PROGRAM, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdout.readline()
    process.terminate()
    _, err = process.communicate(timeout=LONG)
    assert (process.returncode, b"Traceback" in err) == (143, False)
