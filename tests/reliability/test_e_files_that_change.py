"""Promises 28 and 29 when somebody else changes the files of a run while it goes on."""

import os
import shutil
import signal
import time

import pytest
from patience import in_time

from .interrupted import FORMATS, emails


@pytest.fixture
def addresses():
    return emails(400)


@pytest.mark.parametrize("left", [0, 5005])
def test_an_input_that_is_shortened_in_mid_run_is_no_whole_input(checks, left):
    """What is read last may end within an email, which is not to be asked for."""
    source = checks.directory / "emails.txt"
    lines = b"\n".join(b"user%06d@example.com" % (number % 400) for number in range(50_000))
    source.write_bytes(lines)
    process = checks.in_mid_run("out.jsonl", "--rate", "200")
    with source.open("r+b") as file:
        file.truncate(left)
    ended = checks.wait(process)
    assert (ended.status, ended.adds_up, ended.summary["whole_input"]) == (4, True, False)
    assert "error: emails.txt: has become shorter while it was read" in ended.err
    results = checks.results("out.jsonl")
    assert all(email.startswith("user") and len(email) == 22 for email, *_ in results)
    assert ended.summary["ok"] + ended.summary["needs_reauth"] + 1 >= len(results)


def test_an_input_that_grows_in_mid_run_is_read_to_its_new_end(checks):
    process = checks.in_mid_run("out.jsonl", "--rate", "200")
    with (checks.directory / "emails.txt").open("ab") as file:
        file.write(b"\nuser000900@example.com\n")
    ended = checks.wait(process)
    assert (ended.status, ended.adds_up, ended.summary["whole_input"]) == (1, True, True)


@pytest.mark.parametrize("form", FORMATS)
def test_an_output_that_is_removed_in_mid_run_ends_it_soon(checks, form):
    """The system would take everything that is written to it, and keep nothing."""
    where = checks.directory / "results"
    where.mkdir()
    process = checks.in_mid_run(f"results/out.{form}", "--rate", "50")
    shutil.rmtree(where)
    began = time.monotonic()
    ended = checks.wait(process)
    assert in_time(time.monotonic() - began, 4)
    assert (ended.status, ended.adds_up) == (4, True)
    assert f"error: results/out.{form}: was removed while results were being written" in ended.err
    assert ended.summary["pending"] == ended.summary["input"] - ended.summary["duplicate"]


@pytest.mark.parametrize("form", FORMATS)
def test_an_output_that_is_removed_before_a_signal_is_told_too(checks, form):
    assert checks.run(f"out.{form}", source="emails.txt").status == 1
    with (checks.directory / "emails.txt").open("ab") as file:
        file.writelines(b"\nnobody-%d@example.org" % number for number in range(100))
    process = checks.in_mid_run(f"out.{form}", "--resume", "--rate", "50")
    (checks.directory / f"out.{form}").unlink()
    process.terminate()
    ended = checks.wait(process)
    assert (ended.status, ended.adds_up) == (143, True)
    assert f"not saved: out.{form}: was removed" in ended.err
    assert (ended.summary["ok"], ended.summary["already_done"]) == (0, 0)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_output_that_is_cut_in_mid_run_ends_it_soon(checks, form):
    """What was cut off would be missing, and what follows it be torn."""
    process = checks.in_mid_run(f"out.{form}", "--rate", "50")
    os.truncate(checks.directory / f"out.{form}", 20)
    began = time.monotonic()
    ended = checks.wait(process)
    assert in_time(time.monotonic() - began, 4)
    assert (ended.status, ended.adds_up) == (4, True)
    assert f"error: out.{form}: was cut while results were being written to it." in ended.err
    assert ended.summary["pending"] == ended.summary["input"] - ended.summary["duplicate"]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_output_that_is_moved_in_mid_run_ends_it_soon_and_keeps_what_it_has(checks, form):
    process = checks.in_mid_run(f"out.{form}", "--rate", "50")
    (checks.directory / f"out.{form}").rename(checks.directory / f"moved.{form}")
    began = time.monotonic()
    ended = checks.wait(process)
    assert in_time(time.monotonic() - began, 4)
    assert (ended.status, ended.adds_up) == (4, True)
    assert f"error: out.{form}: was moved while results were being written to it." in ended.err
    done = ended.summary["input"] - ended.summary["duplicate"] - ended.summary["pending"]
    assert len(checks.results(f"moved.{form}")) == done
    assert checks.run(f"moved.{form}", "--resume").summary["pending"] == 0


@pytest.mark.parametrize(("number", "status"), [(None, 4), (signal.SIGTERM, 143)])
def test_a_summary_that_cannot_be_saved_hides_nothing_else(checks, number, status):
    """Whoever reads exit status 2 would look for a mistake of his own."""
    where = checks.directory / "figures"
    where.mkdir()
    process = checks.in_mid_run(
        "out.jsonl", "--rate", "150", "--summary-json", "figures/summary.json"
    )
    where.rmdir()
    if number is not None:
        process.send_signal(number)
    ended = checks.wait(process)
    assert ended.status == status
    assert "error: figures/summary.json: No such file or directory" in ended.err
    assert "results: out.jsonl" in ended.err
