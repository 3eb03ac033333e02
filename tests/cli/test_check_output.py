"""Where the records of `check` go: standard output, descriptors, named pipes, files; any format."""

import contextlib
import csv
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import threading
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest
from patience import LONG

from ltx_async.results import read_results
from ltx_async.results.columns import COLUMNS
from ltx_async.results.formats import FORMATS

STREAMED = [form.name for form in FORMATS if form.text is not None]


@pytest.fixture(autouse=True)
def source(server):
    Path("emails.txt").write_text("ann@example.com\nnone@example.com\n")


def outcomes_in(text: str, form: str) -> dict[str, str]:
    if form == "jsonl":
        records = [json.loads(line) for line in text.splitlines()]
    else:
        records = list(csv.DictReader(io.StringIO(text), delimiter="," if form == "csv" else "\t"))
        assert list(records[0]) == [*COLUMNS]
    return {record["email"]: record["outcome"] for record in records}


EXPECTED = {"ann@example.com": "ok", "none@example.com": "not_found"}


@pytest.mark.parametrize("form", STREAMED)
@pytest.mark.parametrize("output", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_takes_any_format_that_is_text(ltx, form, output):
    ended = ltx("check", "emails.txt", "-o", output, "--format", form)
    assert ended.status == 1
    assert outcomes_in(ended.out, form) == EXPECTED


@pytest.mark.parametrize("form", STREAMED)
def test_a_pipe_and_a_file_behind_standard_output_get_the_columns_once(launch, form, tmp_path):
    process = launch("check", "emails.txt", "--format", form, "-q")
    out, _ = process.communicate(timeout=LONG)
    assert outcomes_in(out.decode(), form) == EXPECTED
    with Path("out").open("wb") as file:
        process = launch("check", "emails.txt", "--format", form, "-q", stdout=file)
        process.communicate(timeout=LONG)
    assert outcomes_in(Path("out").read_text(), form) == EXPECTED


def test_without_a_record_a_table_still_has_its_columns(ltx):
    Path("none.txt").touch()
    for form, mark in (("csv", ","), ("tsv", "\t")):
        assert ltx("check", "none.txt", "--format", form).out == mark.join(COLUMNS) + "\n"
    assert ltx("check", "none.txt").out == ""


@pytest.mark.parametrize(
    ("name", "arguments", "form"),
    [("pipe", (), "jsonl"), ("pipe", ("--format", "csv"), "csv"), ("pipe.tsv", (), "tsv")],
)
def test_a_named_pipe_is_waited_for_until_somebody_reads_it(launch, name, arguments, form):
    os.mkfifo(name)
    process = launch("check", "emails.txt", "-o", name, "-q", *arguments)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.8)
    assert outcomes_in(Path(name).read_text(), form) == EXPECTED
    assert process.wait(10) == 1


def catches(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_who_waits_for_a_reader_hears_a_signal(launch):
    os.mkfifo("pipe")
    process = launch("check", "emails.txt", "-o", "pipe")
    while not catches(process.pid, signal.SIGTERM):
        time.sleep(0.02)
    time.sleep(0.2)
    process.terminate()
    assert process.wait(5) == 143


def test_a_descriptor_of_the_shell_is_written_to(ltx):
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        found = []
        thread = threading.Thread(target=lambda: found.append(pipe.read()))
        thread.start()
        assert ltx("check", "emails.txt", "-o", f"/dev/fd/{writing}").status == 1
        os.close(writing)
        thread.join(5)
    assert outcomes_in(found[0], "jsonl") == EXPECTED


def test_a_descriptor_that_is_closed_is_told_by_its_name(ltx):
    ended = ltx("check", "emails.txt", "-o", "/dev/fd/999")
    assert ended.status == 2
    assert "/dev/fd/999 is closed. Connect it to a file or a pipe." in ended.err


def test_a_device_takes_everything(ltx):
    assert ltx("check", "emails.txt", "-o", "/dev/null", "-q").status == 1


def test_a_pipe_that_may_not_be_opened_is_told(ltx, monkeypatch):
    os.mkfifo("pipe")

    opened = os.open

    def denied(name, *arguments, **named):
        if name == "pipe":
            raise PermissionError(13, "Permission denied")
        return opened(name, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        ended = ltx("check", "emails.txt", "-o", "pipe")
    assert ended.status == 2
    assert "pipe: Permission denied" in ended.err


@pytest.mark.parametrize("suffix", [suffix for form in FORMATS for suffix in form.suffixes])
def test_a_file_of_any_suffix_is_written_and_its_format_may_be_named(ltx, suffix):
    form = next(one for one in FORMATS if suffix in one.suffixes)
    named = ["--format", form.name] if form.text else []
    ended = ltx("check", "emails.txt", "-o", f"out{suffix}", *named)
    assert (ended.status, ended.out) == (1, "")
    assert {record.email: record.outcome for record in read_results(f"out{suffix}")} == EXPECTED


def test_a_file_of_another_format_than_the_named_one_is_refused(ltx):
    ended = ltx("check", "emails.txt", "-o", "out.csv", "--format", "jsonl")
    assert ended.status == 2
    assert "out.csv is CSV; --format is for standard output and named pipes." in ended.err
    assert not Path("out.csv").exists()


@pytest.mark.parametrize("name", ["new.jsonl", "new.csv", "new.sqlite"])
def test_an_output_that_was_never_there_is_not_said_to_be_left(ltx, server, name):
    server.emulator.script(None, 401, forever=True)
    ended = ltx("check", "emails.txt", "-o", name, "--overwrite")
    assert (ended.status, Path(name).exists()) == (3, False)
    assert f"{name}: not made, as no result came for it" in ended.err


@pytest.mark.parametrize("output", ["-", "/dev/stdout", "pipe"])
@pytest.mark.parametrize("flag", ["--resume", "--retry-failed"])
def test_what_is_no_file_cannot_be_continued(ltx, output, flag):
    os.mkfifo("pipe")
    ended = ltx("check", "emails.txt", "-o", output, flag)
    assert ended.status == 2
    assert f"{flag} needs a file" in ended.err


def test_help_and_errors_name_every_format(ltx):
    suffixes = [suffix for form in FORMATS for suffix in form.suffixes]
    told = " ".join(ltx("check", "--help").out.split())
    assert all(suffix in told for suffix in suffixes)
    assert f"[{'|'.join(STREAMED)}]" in told
    refused = ltx("check", "emails.txt", "-o", "out.xlsx")
    assert all(suffix in refused.err for suffix in suffixes)


def test_columns_that_a_table_has_no_place_for_are_said_in_one_line(ltx):
    Path("out.csv").write_text("email,outcome,checked_at\n")
    ended = ltx("check", "emails.txt", "-o", "out.csv", "--resume")
    (line,) = [line for line in ended.err.splitlines() if "no column" in line]
    assert all(name in line for name in COLUMNS if name not in {"email", "outcome", "checked_at"})
    assert {record.email: record.outcome for record in read_results("out.csv")} == EXPECTED


# Records that are large, and tables that others have changed


def test_a_record_of_an_account_with_the_longest_note_is_read_by_report_and_check(ltx, server):
    note = "\x7f" * 1_024_000
    server.emulator.put({"email": "ann@example.com", "note": note})
    assert ltx("check", "emails.txt", "-o", "out.jsonl").status == 1
    assert Path("out.jsonl").stat().st_size > 6_000_000
    report = ltx("report", "out.jsonl", "--json")
    assert json.loads(report.out)["accounts"] == 2
    assert json.loads(report.out)["remarks"] == []
    again = ltx("check", "out.jsonl", "-o", "again.jsonl")
    assert {record.email: record.outcome for record in read_results("again.jsonl")} == EXPECTED
    assert again.status == 1
    resumed = ltx("check", "emails.txt", "-o", "out.jsonl", "--resume")
    assert "going on after 2 records" in resumed.err


@pytest.mark.parametrize("form", ["csv", "tsv"])
@pytest.mark.parametrize("change", ["cut", "extended", "turned round", "as it was"])
def test_results_that_were_changed_are_asked_for_without_the_quote_of_spreadsheets(
    ltx, server, form, change
):
    emails = ["+ann@example.com", "-bob@example.com", "=c@example.com", "'d@example.com", "e@x.org"]
    Path("emails.txt").write_text("\n".join(emails))
    ltx("check", "emails.txt", "-o", f"out.{form}")
    mark = "," if form == "csv" else "\t"
    with Path(f"out.{form}").open(newline="") as file:
        rows = [*csv.DictReader(file, delimiter=mark)]
    names = {
        "cut": ["email", "outcome", "checked_at"],
        "extended": ["note", *COLUMNS, "more"],
        "turned round": [*COLUMNS][::-1],
        "as it was": [*COLUMNS],
    }[change]
    with Path(f"out.{form}").open("w", newline="") as file:
        writer = csv.DictWriter(file, names, delimiter=mark, extrasaction="ignore", restval="x")
        writer.writeheader()
        writer.writerows(rows)
    before = len(server.asked)
    ltx("check", f"out.{form}")
    assert sorted(filter(None, server.asked[before:])) == sorted(emails)


def test_a_quote_that_no_spreadsheet_needed_stays():
    from ltx_async.results.csv_format import neutralised, restored

    for text in ("'ann@example.com", "'", "''"):
        assert restored(neutralised(text)) == text
    assert restored("'ann@example.com") == "'ann@example.com"
    assert restored("'+ann@example.com") == "+ann@example.com"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (["out.jsonl"], "subscription, then continue with --resume."),
        (["out.jsonl", "--only", "ok"], "subscription, then run again with --overwrite."),
        (["-"], "subscription, then run again."),
        (["-", "--only", "ok"], "subscription, then run again."),
    ],
)
def test_what_to_do_names_resume_where_there_is_an_output(ltx, server, output, words):
    server.emulator.script(None, 402, forever=True)
    ended = ltx("check", "emails.txt", "-o", *output, "--summary-json", "s.json")
    assert ended.status == 3
    assert words in ended.err
    assert words in json.loads(Path("s.json").read_text())["stopped"]["message"]


def test_ordered_results_stand_in_the_order_of_the_input(ltx, server):
    names = [f"user{number}@example.com" for number in range(40)]
    lines = [*names[:20], "no email", *names[20:], "ann@example.com"]
    server.emulator.latency = 0.01
    Path("in.txt").write_text("\n".join(lines))
    server.emulator.script(names[0], 503)
    ended = ltx("check", "in.txt", "--ordered")
    assert [record["email"] for record in ended.records] == lines
    assert ltx("check", "in.txt", "--ordered", "-o", "out.csv").status == 1
    written = Path("out.csv").read_text().splitlines()[1:]
    assert [line.partition(",")[0] for line in written] == lines


@pytest.mark.parametrize("columns", [80, 40])
def test_on_a_terminal_each_result_is_a_line_to_read(launch, server, columns):
    wire = {"maxJobs": 3, "balance": {"LTXStudio_token": 1234}}
    server.emulator.put({"email": "rich@example.com", **wire})
    Path("in.txt").write_text("rich@example.com\nnobody@example.com\n\x1b[31m@example.com\n")
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("4H", 30, columns, 0, 0))
    process = launch("check", "in.txt", "--ordered", stdout=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # what Linux says at the end
        while data := os.read(ours, 65_536):
            shown += data
    os.close(ours)
    assert process.wait(20) == 1
    lines = shown.decode().replace("\r\n", "\n").splitlines()
    assert [line.split()[0] for line in lines] == ["outcome", "ok", "not_found", "invalid"]
    assert max(map(len, lines)) <= columns
    assert "\x1b" not in shown.decode()
    start = lines[0].index("email")
    assert lines[1][start:].split()[0] == "rich@example.com"
    assert lines[2][start:].startswith("nobody@example.com  HTTP ")
    assert ("1,234" in lines[1]) == (columns == 80)


def test_a_terminal_is_given_the_format_that_was_asked_for(launch, server):
    Path("in.txt").write_text("ann@example.com\n")
    ours, theirs = pty.openpty()
    process = launch("check", "in.txt", "--format", "jsonl", stdout=theirs)
    os.close(theirs)
    assert process.wait(20) == 0
    assert json.loads(os.read(ours, 65_536))["outcome"] == "ok"
    os.close(ours)
