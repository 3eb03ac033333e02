"""Promise 28: killed anywhere and resumed, a run loses nothing, doubles nothing, tears nothing."""

import random
import shutil
import subprocess
import time

import pytest
from patience import until

from .interrupted import FORMATS, Checks, emails, emulated

FEW, MANY = 60, 400
formats = pytest.mark.parametrize("form", FORMATS)


def strace_works() -> bool:
    strace = shutil.which("strace")
    if strace is None:
        return False
    trial = [strace, "-f", "-o", "/dev/null", "true"]
    return subprocess.run(trial, check=False, capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(
    not strace_works(), reason="strace is not installed, or may not trace here"
)


@pytest.fixture(scope="module")
def latency():
    return 0.03


@pytest.fixture
def addresses():
    return emails(FEW)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, emulator):
    """What a run that nobody interrupts leaves, by format and number of emails."""
    known = {}

    def results(form, count):
        if (form, count) not in known:
            directory = tmp_path_factory.mktemp("whole")
            checks = Checks(directory, emulator, emails(count))
            ended = checks.run(f"out.{form}")
            assert (ended.status, ended.adds_up) == (1, True)
            known[form, count] = checks.results(f"out.{form}")
        return known[form, count]

    return results


def ends_like(checks, output, expected):
    """Resume until done: same records, counts of the whole input, the exit status of all."""
    ended = checks.run(output, "--resume")
    assert (ended.status, ended.adds_up) == (1, True), ended.err
    assert (ended.summary["pending"], ended.summary["duplicate"]) == (0, 2)
    assert checks.results(output) == expected
    return ended


def kill_at_random(checks, output, moments, longest):
    before = checks.kept(output)
    process = checks.start(output, "--resume", "--rate", "60")
    until(lambda: checks.kept(output) > before or process.poll() is not None)
    time.sleep(moments.uniform(0, longest))
    process.kill()
    return checks.wait(process).status


@formats
def test_a_run_that_is_killed_at_random_moments_and_resumed_is_whole(checks, uninterrupted, form):
    moments = random.Random(28)
    killed = [kill_at_random(checks, f"out.{form}", moments, 0.1) for _ in range(2)]
    assert -9 in killed
    ended = ends_like(checks, f"out.{form}", uninterrupted(form, FEW))
    assert ended.summary["already_done"] > 0


@pytest.mark.soak
@formats
def test_fifty_kills_at_random_moments(tmp_path, emulator, uninterrupted, form):
    checks = Checks(tmp_path / "run", emulator, emails(MANY))
    moments = random.Random(2850)
    kills, runs = 0, 0
    while kills < 50:
        runs += 1
        output = f"out{runs}.{form}"
        while kill_at_random(checks, output, moments, 0.5) == -9:
            kills += 1
        ends_like(checks, output, uninterrupted(form, MANY))
        (checks.directory / output).unlink()
    assert kills >= 50


def killed_by_strace(checks, output, calls, *, path=None, number, options=()):
    """Kill the process with its `number`-th call, on `path` where one is given."""
    where = () if path is None else ("-P", str(checks.directory / path))
    inject = f"inject={calls}:signal=KILL:when={number}"
    under = ("strace", "-f", "-qq", "-o", "/dev/null", *where, "-e", f"trace={calls}", "-e", inject)
    return checks.run(output, *options, under=under).status == -9


# What brings data to the disk, by format: the file and the calls. Two requests at a time bring
# five records together at most, so that there are many writes.
NARROW = ("--concurrency", "2")
CALLS = {
    "jsonl": [("out.jsonl", "write", (1, 7, 14))],
    "csv": [("out.csv", "write", (1, 2, 13))],
    "sqlite": [
        ("out.sqlite-wal", "pwrite64", (1, 3)),
        ("out.sqlite", "pwrite64", (3,)),
        ("out.sqlite-wal", "fsync,fdatasync", (1,)),
    ],
}
TORTURE = {
    "jsonl": [("out.jsonl", "write", range(1, 15)), ("out.jsonl", "fsync", (1, 2))],
    "csv": [("out.csv", "write", range(1, 15)), ("out.csv", "fsync", (1, 2))],
    "sqlite": [
        ("out.sqlite-wal", "pwrite64", range(1, 30, 2)),
        ("out.sqlite", "pwrite64", range(1, 14)),
        ("out.sqlite-wal", "fsync,fdatasync", range(1, 5)),
        ("out.sqlite", "fsync,fdatasync", range(1, 4)),
        (None, "unlink,unlinkat", range(1, 5)),
    ],
}


def tortured(checks, uninterrupted, form, calls):
    output, kills = f"out.{form}", 0
    for path, names, numbers in calls:
        for number in numbers:
            for left in checks.directory.glob(f"out.{form}*"):
                left.unlink()
            kills += killed_by_strace(
                checks, output, names, path=path, number=number, options=NARROW
            )
            ends_like(checks, output, uninterrupted(form, FEW))
    return kills


@needs_strace
@formats
def test_killed_at_a_given_write_it_is_resumed_whole(checks, uninterrupted, form):
    every = sum(len(numbers) for _, _, numbers in CALLS[form])
    assert tortured(checks, uninterrupted, form, CALLS[form]) == every  # each call was made


@pytest.mark.soak
@needs_strace
@formats
def test_killed_at_any_write_sync_or_unlink_it_is_resumed_whole(checks, uninterrupted, form):
    assert tortured(checks, uninterrupted, form, TORTURE[form]) >= 15


@pytest.fixture
def failing():
    """A server that answers every fifth email with 500 the first time."""
    with emulated() as emulator:
        for email in UNWELL:
            emulator.script(email, 500)
        yield emulator


UNWELL = [f"user{number:06d}@example.com" for number in range(5, FEW, 5)]


@pytest.fixture
def half_well(tmp_path, failing):
    """Outputs in which every fifth email has failed, though the server is well by now."""
    checks = Checks(tmp_path / "run", failing, emails(FEW))

    def make(output):
        assert checks.run(output, "--attempts", "1").summary["failed"] == len(UNWELL)
        return checks

    yield make
    checks.kill_left_over()


@formats
def test_failed_records_are_asked_again_and_only_those(half_well, form):
    output = f"out.{form}"
    checks = half_well(output)
    before, asked = checks.results(output), checks.emulator.request_count
    ended = checks.run(output, "--retry-failed")
    assert ended.adds_up
    assert ended.summary["failed"] == 0
    assert ended.summary["already_done"] == len(before) - len(UNWELL)
    assert checks.emulator.request_count == asked + len(UNWELL)
    assert checks.run(f"whole.{form}").status == 1
    assert checks.results(output) == checks.results(f"whole.{form}")


RETRY_CALLS = [
    ("jsonl", "write", ".out.jsonl.new"),
    ("jsonl", "fsync", ".out.jsonl.new"),
    ("csv", "rename,renameat,renameat2", None),
    ("csv", "write", "out.csv"),
    ("sqlite", "pwrite64", "out.sqlite-wal"),
]


@needs_strace
@pytest.mark.parametrize(("form", "names", "path"), RETRY_CALLS)
def test_killed_while_failed_records_are_dropped_nothing_else_is(half_well, form, names, path):
    output = f"out.{form}"
    checks = half_well(output)
    well = [row for row in checks.results(output) if row[1] != "failed"]
    options = ["--retry-failed", *NARROW]
    assert killed_by_strace(checks, output, names, path=path, number=1, options=options)
    ended = checks.run(output, "--retry-failed")
    assert (ended.adds_up, ended.summary["failed"]) == (True, 0), ended.err
    after = checks.results(output)
    assert len(after) == len(well) + len(UNWELL)
    assert set(well) <= set(after)
    assert list(checks.directory.glob(".out*")) == []


@formats
def test_what_is_finished_is_known_by_its_email_not_by_its_place(checks, form):
    """The input may be sorted anew, shortened, lengthened: state is the set of finished emails."""
    output = f"out.{form}"
    checks.run(output)
    asked = checks.emulator.request_count
    before = checks.results(output)
    lines = [*reversed(checks.lines[10:]), b"nobody-new@example.com", b"user000003@EXAMPLE.COM"]
    (checks.directory / "emails.txt").write_bytes(b"\n".join(lines))
    ended = checks.run(output, "--resume")
    assert ended.adds_up
    assert checks.emulator.request_count == asked + 1
    assert len(checks.results(output)) == len(before) + 1
    assert (ended.summary["input"], ended.summary["pending"]) == (len(lines), 0)


@formats
def test_alerts_and_exit_status_of_a_resumed_run_are_of_all_its_records(checks, form):
    output = f"out.{form}"
    (checks.directory / "emails.txt").write_bytes(b"user000001@example.com\n")
    assert checks.run(output).status == 0
    again = checks.run(output, "--resume", "--min-balance", "1000000")
    assert (again.status, again.summary["alerts"]) == (1, 1)
    assert "attention: user000001@example.com: balance" in again.err
    assert again.summary["requests"] == 0
    (checks.directory / "emails.txt").write_bytes(b"user000002@example.com\n")
    other = checks.run(output, "--resume", "--min-balance", "0")
    assert (other.status, other.summary["input"]) == (0, 1)
