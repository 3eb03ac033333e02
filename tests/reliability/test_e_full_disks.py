"""Promise 29: a full disk ends a run with exit 4, nothing half-written, and a resume completes."""

import contextlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from patience import LONG

from .interrupted import FORMATS, Checks, emails
from .test_e_kills import needs_strace

formats = pytest.mark.parametrize("form", FORMATS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, emulator):
    """What a run leaves that nothing interrupts, by format."""
    checks = Checks(tmp_path_factory.mktemp("whole"), emulator, emails(200))
    assert all(checks.run(f"out.{form}").status == 1 for form in FORMATS)
    return {form: checks.results(f"out.{form}") for form in FORMATS}


def limited_to(size):
    """Let no file of the process grow beyond `size` bytes; the last write before that is short."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def ended_early(checks, output, ended):
    assert ended.status == 4
    assert "Traceback" not in ended.err
    assert ended.adds_up
    assert ended.summary["pending"] > 0
    assert ended.summary["input"] == len(checks.lines)
    kept = sum(ended.summary[name] for name in ("ok", "needs_reauth", "not_found", "invalid"))
    assert len(checks.results(output)) == kept  # nothing half-written, nothing counted but kept


def completes(checks, output, expected):
    ended = checks.run(output, "--resume")
    assert (ended.status, ended.adds_up, ended.summary["pending"]) == (1, True, 0), ended.err
    assert checks.results(output) == expected


@pytest.mark.parametrize(("form", "size"), [("jsonl", 5000), ("jsonl", 5003), ("csv", 5001)])
def test_a_short_write_and_a_full_disk_leave_whole_records(checks, form, size, whole):
    output = f"out.{form}"
    ended = checks.run(output, preexec_fn=limited_to(size))
    assert "disk full" in ended.err
    ended_early(checks, output, ended)
    assert size - 600 < (checks.directory / output).stat().st_size <= size
    completes(checks, output, whole[form])


def test_a_database_that_may_not_grow_leaves_what_was_committed(checks, whole):
    ended = checks.run("out.sqlite", preexec_fn=limited_to(40_000))
    ended_early(checks, "out.sqlite", ended)
    completes(checks, "out.sqlite", whole["sqlite"])


@pytest.mark.parametrize("there", [True, False])
def test_a_summary_for_which_there_is_no_room_leaves_the_old_one(checks, there):
    if there:
        checks.summary.write_text('{"input": 1, "ok": 1}')
    checks.start("out.jsonl", "--only", "failed", preexec_fn=limited_to(100))
    _, err = checks.processes[-1].communicate(timeout=LONG)
    assert checks.processes[-1].returncode == 4
    assert f"error: {checks.summary}: disk full" in err.decode()
    assert "What was there before is as it was" in err.decode()
    assert [path.name for path in checks.summary.parent.iterdir() if path.is_file()] == (
        ["summary.json"] if there else []
    )
    assert not there or checks.summary.read_text() == '{"input": 1, "ok": 1}'


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk]
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


# KiB of 128: what is left has room for a part of the records; a database needs more around them.
BALLAST = {"jsonl": 108, "csv": 108, "sqlite": 56}


@formats
def test_on_a_small_disk_a_run_stops_and_goes_on_when_there_is_room(
    emulator, small_disk, form, whole
):
    checks = Checks(small_disk, emulator, emails(200))
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (BALLAST[form] << 10))
    ended = checks.run(f"out.{form}")
    assert "disk full" in ended.err
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=2m", small_disk], check=True)
    ended_early(checks, f"out.{form}", ended)
    completes(checks, f"out.{form}", whole[form])


def failing(checks, output, calls, error, *options, path=None, number=1):
    where = () if path is None else ("-P", str(checks.directory / path))
    inject = f"inject={calls}:error={error}:when={number}+"
    under = ("strace", "-f", "-qq", "-o", "/dev/null", *where, "-e", f"trace={calls}", "-e", inject)
    return checks.run(output, *options, under=under)


@needs_strace
@pytest.mark.parametrize(
    ("form", "error"), [("jsonl", "ENOSPC"), ("csv", "EDQUOT"), ("jsonl", "EIO")]
)
def test_a_disk_that_fails_when_it_is_asked_to_keep_ends_the_run(checks, form, error, whole):
    output = f"out.{form}"
    (checks.directory / "one.txt").write_bytes(checks.lines[0])
    assert checks.run(output, source="one.txt").status == 0
    # A new file would be made sure of at the beginning; this one is at the end of the run.
    ended = failing(checks, output, "fsync", error, "--resume", path=output)
    assert ended.status == 4
    assert ("disk full" in ended.err) == (error != "EIO")
    assert ended.adds_up
    completes(checks, output, whole[form])


@needs_strace
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_database_that_fails_to_commit_ends_the_run(checks, number, whole):
    output = "out.sqlite"
    ended = failing(checks, output, "pwrite64", "ENOSPC", path="out.sqlite-wal", number=number)
    assert ended.status == 4
    assert "disk full" in ended.err
    assert "Traceback" not in ended.err
    if ended.summary is not None:  # it failed before the run began otherwise
        ended_early(checks, output, ended)
    completes(checks, output, whole["sqlite"])


@needs_strace
@pytest.mark.parametrize("calls", ["write", "fsync", "rename,renameat,renameat2"])
def test_a_disk_that_fails_while_failed_records_are_dropped_leaves_them(checks, calls):
    checks.emulator.script("user000005@example.com", 500)
    assert checks.run("out.jsonl", "--attempts", "1").summary["failed"] == 1
    before = (checks.directory / "out.jsonl").read_bytes()
    path = None if calls.startswith("rename") else ".out.jsonl.new"
    ended = failing(checks, "out.jsonl", calls, "ENOSPC", "--retry-failed", path=path)
    assert ended.status == 4
    if ended.summary is not None:  # it failed before the run began otherwise
        figures = ended.summary
        assert figures["pending"] == figures["input"] - figures["duplicate"] - figures["invalid"]
        assert (figures["alerts"], figures["need_attention"], figures["attention"]) == (0, 0, [])
    assert "disk full" in ended.err
    assert (checks.directory / "out.jsonl").read_bytes() == before
    assert list(checks.directory.glob(".out*")) == []


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_torn_last_record_is_redone_and_one_in_the_middle_refused(checks, form):
    output, path = f"out.{form}", checks.directory / f"out.{form}"
    checks.run(output)
    whole, results = path.read_bytes(), checks.results(output)
    path.write_bytes(whole[:-30])
    ended = checks.run(output, "--resume")
    assert "the last record was torn" in ended.err
    assert (ended.status, ended.summary["requests"]) == (1, 1)
    assert checks.results(output) == results
    middle = whole.index(b"\n", 2000) + 1
    path.write_bytes(whole[: middle - 30] + whole[middle:])
    torn = path.read_bytes()
    asked = checks.emulator.request_count
    ended = checks.run(output, "--resume")
    assert (ended.status, ended.summary) == (2, None)
    assert f"{output}, line {torn[: middle - 30].count(10) + 1}: torn" in ended.err
    assert path.read_bytes() == torn
    assert checks.emulator.request_count == asked


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_as_standard_output_ends_the_run(checks):
    with Path("/dev/full").open("wb") as full:
        ended = checks.run("-", stdout=full)
    assert ended.status == 4
    assert "standard output: disk full" in ended.err
    assert ended.adds_up


@pytest.mark.parametrize(
    ("form", "closed"),
    [("jsonl", (0,)), ("csv", (1,)), ("jsonl", (2,)), ("csv", (0, 1, 2)), ("sqlite", (0, 1, 2))],
)
def test_closed_streams_never_receive_or_spoil_results(checks, form, closed, whole):
    def close():
        for number in closed:
            with contextlib.suppress(OSError):
                os.close(number)

    settings = {"preexec_fn": close, "stdin": None}
    ended = checks.run(f"out.{form}", **settings)
    assert (ended.status, ended.adds_up) == (1, True)
    assert checks.results(f"out.{form}") == whole[form]
    if 1 in closed:
        assert checks.run("-", **settings).status == 2
