"""Promise 31: one process per output, and no output continued as what it is not."""

import contextlib
import fcntl
import sqlite3
import subprocess
from itertools import cycle

import pytest
from patience import until

from .interrupted import FORMATS

WITHOUT_LOCKS = """\
import errno, fcntl, os

def flock(*_arguments):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

fcntl.flock = flock
"""
formats = pytest.mark.parametrize("form", FORMATS)
locks = pytest.mark.parametrize("locks", [True, False], ids=["locks", "no locks"])
HOW = ["--resume", "--retry-failed", "--overwrite"]


@pytest.fixture(autouse=True)
def file_system(request, tmp_path, monkeypatch):
    """Take the locks from the file system, here and in the processes that are started."""
    if not request.node.callspec.params.get("locks", True):
        (tmp_path / "sitecustomize.py").write_text(WITHOUT_LOCKS)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(fcntl, "flock", fcntl.flock)
        exec(WITHOUT_LOCKS, {})


@locks
@pytest.mark.parametrize(
    ("form", "first_option"),
    [("jsonl", "--resume"), ("csv", "--retry-failed"), ("sqlite", "--resume")],
)
def test_the_second_process_on_one_output_refuses_and_changes_nothing(
    checks, form, first_option, locks
):
    output = f"out.{form}"
    checks.run(output)
    asked = checks.emulator.request_count
    first = checks.start(output, first_option, source="-", stdin=subprocess.PIPE)
    first.stdin.write(b"one-more@example.com\n")
    first.stdin.flush()
    until(lambda: checks.emulator.request_count > asked)
    path = checks.directory / output
    until(lambda: form == "sqlite" or b"one-more" in path.read_bytes())
    held = (checks.directory / output).read_bytes()
    for how in HOW:
        second = checks.run(output, how)
        assert (second.status, second.summary) == (2, None)
        assert second.err == (
            f"error: {output}: another ltx-async is writing to it. "
            "Wait until that has ended, or choose another output.\n"
        )
    assert (checks.directory / output).read_bytes() == held
    assert checks.emulator.request_count == asked + 1
    first.stdin.close()
    first.stdin = None
    assert checks.wait(first).status == 1
    assert "one-more@example.com" in [row[0] for row in checks.results(output)]
    third = checks.run(output, "--resume")
    assert (third.status, third.summary["requests"]) == (1, 0)
    assert left_beside(checks) == []


def left_beside(checks):
    return [*checks.directory.glob("*-lock*")]


@locks
@formats
def test_the_lock_of_a_killed_process_dies_with_it(checks, form, locks):
    first = checks.start(f"out.{form}", source="-", stdin=subprocess.PIPE)
    until((checks.directory / f"out.{form}").exists)
    until(lambda: locks or [*checks.directory.glob("*-locked")])
    first.kill()
    first.wait()
    assert checks.run(f"out.{form}", "--resume").status == 1
    assert left_beside(checks) == []


@formats
@pytest.mark.parametrize(
    ("other", "how"),
    [*zip(FORMATS, cycle(["--retry-failed", "--resume", "--resume"]), strict=False)],
)
def test_resume_onto_another_format_or_schema_is_refused(checks, form, other, how):
    output = checks.directory / f"out.{form}"
    if form == other:  # the same format from another tool
        if form == "sqlite":
            with contextlib.closing(sqlite3.connect(output)) as database:
                database.execute("CREATE TABLE lookups (email TEXT PRIMARY KEY, outcome TEXT)")
        else:
            content = {"jsonl": b'{"email": "ann@example.com", "ok": true}\n'}
            output.write_bytes(content.get(form, b"email,ok\n"))
    else:
        assert checks.run(f"other.{other}").status == 1
        (checks.directory / f"other.{other}").rename(output)
    before, asked = output.read_bytes(), checks.emulator.request_count
    ended = checks.run(f"out.{form}", how)
    assert (ended.status, ended.summary) == (2, None)
    assert ended.err.startswith(f"error: out.{form}")
    assert "--overwrite" in ended.err
    assert output.read_bytes() == before
    assert checks.emulator.request_count == asked
