"""Promise 43 for `--overwrite`: old results are there until there is a new one in their place."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest
from patience import LONG

from .interrupted import FORMATS, emails
from .test_e_full_disks import limited_to
from .test_e_kills import needs_strace

formats = pytest.mark.parametrize("form", FORMATS)


@pytest.fixture
def addresses():
    return emails(60)


@pytest.fixture
def old(checks, form):
    """What an earlier run has left, and the names that lie beside it."""
    (checks.directory / "one.txt").write_bytes(b"user000077@example.com\n")
    assert checks.run(f"out.{form}", source="one.txt").status in {0, 1}
    return (checks.directory / f"out.{form}").read_bytes()


def as_it_was(checks, form, old):
    assert (checks.directory / f"out.{form}").read_bytes() == old
    companions = {f"out.{form}-wal", f"out.{form}-shm"}  # which SQLite leaves on a full disk
    names = {path.name for path in checks.directory.iterdir()} - companions
    assert names == {"emails.txt", "one.txt", f"out.{form}"}


def replaced(checks, form, expected=None):
    """Whether the results are those of the new run, whole; the old email is none of them."""
    results = [row[0] for row in checks.results(f"out.{form}")]
    assert "user000077@example.com" not in results
    assert expected is None or len(results) == expected


@contextlib.contextmanager
def dead_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.soak  # an outage is given its patience
@formats
def test_where_nobody_listens_old_results_stay(checks, form, old):
    with dead_port() as nobody:
        ended = checks.run(f"out.{form}", "--overwrite", "--base-url", f"{nobody}/v1")
    assert (ended.status, ended.adds_up, ended.summary["results"]) == (4, True, None)
    assert f"out.{form}: left as it was, as no result came for it" in ended.err
    assert "--resume" not in ended.err
    as_it_was(checks, form, old)


@formats
def test_what_cannot_be_asked_replaces_nothing_where_nobody_is_answered(checks, form, old):
    """The input begins with emails that are refused here: records, but no answers."""
    lines = (checks.directory / "emails.txt").read_bytes()
    (checks.directory / "emails.txt").write_bytes(b"..\ntwo words\n" + lines)
    checks.emulator.script(None, 401, forever=True)
    ended = checks.run(f"out.{form}", "--overwrite")
    assert ended.summary["invalid"] > 0
    as_it_was(checks, form, old)
    (checks.directory / "emails.txt").write_bytes(b"..\ntwo words\n")
    assert checks.run(f"out.{form}", "--overwrite").status == 1
    replaced(checks, form, 2)


@formats
@pytest.mark.parametrize("status", [401, 402])
def test_a_refused_token_or_subscription_leaves_old_results(checks, form, old, status):
    checks.emulator.script(None, status, forever=True)
    ended = checks.run(f"out.{form}", "--overwrite")
    assert (ended.status, ended.summary["results"]) == (3, None)
    as_it_was(checks, form, old)


@formats
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_ends_before_the_first_answer_leaves_old_results(checks, form, old, number):
    checks.emulator.latency = 30
    process = checks.in_mid_run(f"out.{form}", "--overwrite", asked=5)
    process.send_signal(number)
    checks.wait(process)
    if number == signal.SIGKILL:
        assert (checks.directory / f".out.{form}.new").exists()
        checks.emulator.latency = 0
        assert checks.run(f"out.{form}", "--resume", source="one.txt").summary["requests"] == 0
        assert len(checks.results(f"out.{form}")) == 1
        assert not list(checks.directory.glob("*.new"))
    else:
        as_it_was(checks, form, old)


@formats
def test_where_there_is_no_room_for_a_record_old_results_stay(checks, form, old):
    ended = checks.run(f"out.{form}", "--overwrite", preexec_fn=limited_to(180))
    assert ended.status == 4
    assert "disk full" in ended.err
    assert ended.summary is None or ended.summary["results"] is None
    assert "Traceback" not in ended.err
    as_it_was(checks, form, old)


@formats
@pytest.mark.usefixtures("old")
def test_a_run_through_whose_records_are_all_left_out_replaces_old_results_too(checks, form):
    """Nobody failed: a list of who had failed before would be wrong."""
    assert checks.run(f"out.{form}", "--only", "failed", "--overwrite").status == 1
    replaced(checks, form, 0)


@formats
@pytest.mark.usefixtures("old")
def test_from_the_first_record_on_the_output_is_the_run_s_own(checks, form):
    process = checks.in_mid_run(f"out.{form}", "--overwrite", "--rate", "60", asked=30)
    replaced(checks, form)
    assert checks.kept(f"out.{form}") > 0
    process.kill()
    checks.wait(process)
    ended = checks.run(f"out.{form}", "--resume")
    assert (ended.status, ended.summary["pending"], ended.adds_up) == (1, 0, True)
    assert ended.summary["already_done"] > 0
    assert checks.run(f"whole.{form}").status == 1
    assert checks.results(f"out.{form}") == checks.results(f"whole.{form}")


@formats
@pytest.mark.parametrize("there", [True, False])
def test_a_second_process_is_refused_while_the_first_waits_for_an_answer(checks, form, old, there):
    path = checks.directory / f"out.{form}"
    if not there:
        path.unlink()
    checks.emulator.latency = 30
    process = checks.in_mid_run(f"out.{form}", "--overwrite", asked=5)
    for how in ((), ("--resume",), ("--retry-failed",), ("--overwrite",)):
        second = checks.run(f"out.{form}", *how)
        assert (second.status, second.summary) == (2, None)
        assert ("another ltx-async" in second.err) == bool(how), second.err
    assert path.read_bytes() == (old if there else b"")
    process.kill()
    checks.wait(process)
    checks.emulator.latency = 0
    assert checks.run(f"out.{form}", "--overwrite").status == 1
    replaced(checks, form)


def test_streams_and_devices_are_written_to_directly(checks):
    fifo = checks.directory / "out.csv"
    os.mkfifo(fifo)
    read = []
    reading = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reading.start()
    assert checks.run("out.csv", "--overwrite").status == 1
    reading.join()
    assert read[0].startswith(b"email,outcome")
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert checks.run("/dev/null", "--overwrite").status == 1
    process = checks.start("-", "--overwrite", stdout=subprocess.PIPE)
    out, _ = process.communicate(timeout=LONG)
    assert out.startswith(b'{"email"')


# At each of these a kill comes; the first is before the draft is there, the last after all.
MOMENTS = {
    "jsonl": [(".out.jsonl.new", "write", 1), (".out.jsonl.new", "fsync", 1)],
    "csv": [(".out.csv.new", "write", 2), (".out.csv.new", "fsync", 1)],
    "sqlite": [(".out.sqlite.new", "pwrite64", 1), (".out.sqlite.new", "pwrite64", 4)],
}
RENAMES = "rename,renameat,renameat2"


@needs_strace
@pytest.mark.parametrize(
    ("form", "moment"),
    [
        *((form, moment) for form, moments in MOMENTS.items() for moment in moments),
        *((form, (None, RENAMES, 1)) for form in FORMATS),
    ],
)
@pytest.mark.usefixtures("old")
def test_killed_at_any_moment_it_leaves_the_old_results_or_the_new(checks, form, moment):
    path, calls, number = moment
    where = () if path is None else ("-P", str(checks.directory / path))
    inject = f"inject={calls}:signal=KILL:when={number}"
    under = ("strace", "-f", "-qq", "-o", "/dev/null", *where, "-e", f"trace={calls}", "-e", inject)
    ended = checks.run(f"out.{form}", "--overwrite", under=under)
    assert ended.status == -9
    kept = [row[0] for row in checks.results(f"out.{form}")]
    assert kept == ["user000077@example.com"] or (kept and "user000077@example.com" not in kept)
    assert checks.run(f"out.{form}", "--overwrite").status == 1
    replaced(checks, form)
    assert not list(checks.directory.glob(".*"))
