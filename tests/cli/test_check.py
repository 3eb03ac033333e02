import csv
import json
import os
import pty
import select
import stat
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_line import healthy
from patience import LONG, in_time, signal_when

from ltx_async.cli.checking import run as checkrun
from ltx_async.cli.commands import check as checking
from ltx_async.emulator import Close, Emulator, Status
from ltx_async.files.errors import OutputFailedError, UnsavedError
from ltx_async.models import timestamp
from ltx_async.results import read_results
from ltx_async.results.text import writer as writers

COUNTED = "ok", "needs_reauth", "not_found", "invalid", "failed", "duplicate", "pending"


def write_emails(*emails, name="emails.txt"):
    with Path(name).open("w") as file:
        file.write("".join(f"{email}\n" for email in emails))
    return name


def summary_of(path="s.json"):
    with Path(path).open() as file:
        saved = json.load(file)
    assert sum(saved[name] for name in COUNTED) == saved["input"]
    return saved


def test_every_email_of_a_file_gets_a_record(ltx, server):
    source = write_emails("ann@example.com", "bob@example.com")
    ended = ltx("check", source, "-o", "out.jsonl")
    assert (ended.status, ended.out) == (0, "")
    with Path("out.jsonl").open() as file:
        records = [json.loads(line) for line in file]
    assert {record["email"] for record in records} == {"ann@example.com", "bob@example.com"}
    assert all(record["outcome"] == "ok" and record["error"] is None for record in records)
    assert "results: out.jsonl" in ended.err
    assert stat.S_IMODE(Path("out.jsonl").stat().st_mode) == 0o600


def test_without_an_output_the_records_are_alone_on_standard_output(ltx, server):
    ended = ltx("check", write_emails("ann@example.com", "nobody@example.com"))
    assert ended.outcomes == {"ann@example.com": "ok", "nobody@example.com": "not_found"}
    assert ended.status == 1
    assert "not_found" in ended.err


def test_every_kind_of_input_gets_its_documented_outcome(ltx, server):
    with Path("odd.txt").open("wb") as file:
        file.write(
            b"\xef\xbb\xbfann@example.com\r\n\r\n# note\r\n  bob@example.com \r\n"
            b"ann@EXAMPLE.com\r\n..\r\n../x@y\r\na/b@example.com\r\ncaf\xe9@example.com\r\n"
            b"caf\xc3\xa9@example.com\n" + b"x" * 100_000 + b"@example.com"
        )
    ended = ltx("check", "odd.txt", "--summary-json", "s.json")
    outcomes = ended.outcomes
    (overlong,) = (email for email in outcomes if email.startswith("x" * 1_000))
    assert len(overlong) < 1_100
    assert outcomes.pop(overlong) == "invalid"
    assert outcomes == {
        "ann@example.com": "ok",
        "bob@example.com": "ok",
        "..": "invalid",
        "../x@y": "invalid",
        "a/b@example.com": "not_found",
        r"caf\xe9@example.com": "invalid",
        "café@example.com": "not_found",
    }
    assert summary_of()["duplicate"] == 1
    assert sorted(map(str, server.asked)) == sorted(
        ["ann@example.com", "bob@example.com", "a/b@example.com", "café@example.com"]
    )


def test_csv_in_and_csv_out(ltx, server):
    server.emulator.put(healthy("=cmd@example.com", error="=HYPERLINK(1)"))
    with Path("in.csv").open("w") as file:
        file.write("id,login\n1,ann@example.com\n2,=cmd@example.com\n")
    assert ltx("check", "in.csv", "--column", "login", "-o", "out.csv").status == 1
    with Path("out.csv").open(newline="") as file:
        rows = {row["email"]: row for row in csv.DictReader(file)}
    assert rows["ann@example.com"]["balance"] == "150"
    assert rows["'=cmd@example.com"]["error"] == "'=HYPERLINK(1)"
    assert rows["'=cmd@example.com"]["outcome"] == "needs_reauth"
    # What was written is read again as what was asked for.
    again = ltx("check", "out.csv")
    assert set(again.outcomes) == {"ann@example.com", "=cmd@example.com"}


def test_json_lines_in_any_line_bad(ltx, server):
    with Path("in.jsonl").open("w") as file:
        file.write('{"email": "ann@example.com"}\nnot json\n')
    assert ltx("check", "in.jsonl").outcomes == {"ann@example.com": "ok", "not json": "invalid"}


def test_the_emails_may_come_from_the_list_call(ltx, server):
    ended = ltx("check", "--from-api")
    assert ended.status == 0
    assert ended.outcomes == {"ann@example.com": "ok", "bob@example.com": "ok"}
    assert all(record["account"]["balance"] for record in ended.records)
    assert server.asked[0] is None


@pytest.mark.parametrize("status", [200, 404])
def test_an_empty_list_is_an_empty_input(ltx, server, status):
    server.emulator.script_list(Status(status, b"{}" if status == 200 else b'{"error": "none"}'))
    ended = ltx("check", "--from-api", "--quiet")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == "warning: there was no email in the input\n"


def test_standard_input_is_read_as_text(server, launch):
    process = launch("check", "-", stdin=-1)
    out, _ = process.communicate(b"ann@example.com\nbob@example.com", timeout=LONG)
    assert process.returncode == 0
    assert out.count(b"\n") == 2


def test_who_types_the_emails_is_told_how_to_end_them(server, launch):
    ours, theirs = pty.openpty()
    process = launch("check", "-", stdin=theirs)
    os.close(theirs)
    os.write(ours, b"ann@example.com\n\x04")
    out, err = process.communicate(timeout=LONG)
    os.close(ours)
    assert process.returncode == 0
    assert out.count(b"\n") == 1
    assert err.startswith(b"type the emails, one per line; Ctrl-D ends them\n")


def test_an_existing_output_is_refused_without_overwrite(ltx, server):
    source = write_emails("ann@example.com")
    for name in ("out.jsonl", "out.csv", "out.sqlite", "out.db"):
        with Path(name).open("w") as file:
            file.write("kept")
        ended = ltx("check", source, "-o", name)
        assert ended.status == 2
        assert "exists already" in ended.err
        assert "--resume" in ended.err
        assert "--overwrite" in ended.err
        assert Path(name).read_text() == "kept"
    assert server.asked == []
    assert ltx("check", source, "-o", "out.jsonl", "--overwrite").status == 0
    assert "kept" not in Path("out.jsonl").read_text()


def test_the_input_is_never_overwritten(ltx, server):
    with Path("in.csv").open("w") as file:
        file.write("email\nann@example.com\n")
    ended = ltx("check", "in.csv", "-o", "./in.csv", "--overwrite")
    assert ended.status == 2
    assert "is the input" in ended.err
    assert Path("in.csv").read_text() == "email\nann@example.com\n"


def test_the_summary_never_replaces_the_input_the_results_or_the_token(ltx, server, monkeypatch):
    source = write_emails("ann@example.com")
    Path("token").write_text("user:12345-abcdefghi\n")
    Path("token").chmod(0o600)
    os.link(source, "link.txt")
    monkeypatch.delenv("USEAPI_TOKEN")
    ask = "check", source, "--token-file", "token", "-o", "out.jsonl"
    for name, files in (("./token", 1), ("./out.jsonl", 0), (source, 1), ("link.txt", 1)):
        ended = ltx(*ask, "--summary-json", name)
        assert ended.status == 2, ended.err
        assert Path(name).is_file() == bool(files)
    assert Path(source).read_text() == "ann@example.com\n"
    assert Path("token").read_text() == "user:12345-abcdefghi\n"
    assert server.asked == []
    assert ltx(*ask, "--summary-json", "s.json").status == 0
    assert summary_of()["ok"] == 1


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".sqlite"])
def test_an_output_name_that_no_file_can_have_is_refused(ltx, server, suffix):
    source = write_emails("ann@example.com")
    for option in ("--overwrite", "--resume", "--quiet"):
        ended = ltx("check", source, "-o", "x" * 300 + suffix, option)
        assert ended.status == 2, ended.err
        assert "too long" in ended.err
    assert server.asked == []


def test_an_output_is_never_written_through_a_link(ltx, server):
    Path("out.jsonl").symlink_to("target.jsonl")
    ended = ltx("check", write_emails("ann@example.com"), "-o", "out.jsonl", "--overwrite")
    assert ended.status == 2
    assert not Path("target.jsonl").exists()


def test_only_filters_what_is_written_not_what_is_counted(ltx, server):
    source = write_emails("ann@example.com", "nobody@example.com", "..")
    ended = ltx("check", source, "--only", "not_found,invalid", "--summary-json", "s.json")
    assert ended.outcomes == {"nobody@example.com": "not_found", "..": "invalid"}
    assert summary_of()["ok"] == 1


def test_alerts_are_raised_for_thresholds_and_decide_the_exit_status(ltx, server):
    soon = {"refreshTokenExpire": 1_000_000_000_000}
    server.emulator.put(healthy("low@example.com", balance={"LTXStudio_token": 3}, **soon))
    source = write_emails("low@example.com", "ann@example.com")
    assert ltx("check", source).status == 0
    ended = ltx("check", source, "--quiet", "--min-balance", "10", "--expires-within", "7d")
    assert ended.status == 1
    (line,) = ended.err.splitlines()
    start = "attention: low@example.com: balance 3 is below 10; sign-in ended "
    assert line.startswith(start)
    assert line.endswith(" days ago (2001-09-09)")
    assert len(ended.records) == 2


def test_a_refused_token_ends_the_run_at_once_with_one_line(ltx, server, monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:1-wrong")
    source = write_emails(*(f"n{number}@example.com" for number in range(500)))
    ended = ltx(
        "check", source, "-o", "out.jsonl", "--concurrency", "5", "-q", "--summary-json", "s"
    )
    assert ended.status == 3
    assert ended.err == (
        "error: HTTP 401: Unauthorized. "
        "Check the API token, which is USEAPI_TOKEN unless another was given: "
        "it has the form user:<number>-<string>.\n"
    )
    assert len(server.asked) <= 5
    assert summary_of("s")["pending"] == 500


def test_a_lapsed_subscription_is_a_refusal_too(ltx, server):
    server.emulator.subscription = False
    assert ltx("check", write_emails("ann@example.com")).status == 3


def test_a_wait_over_the_cap_ends_the_run(ltx, server):
    server.emulator.script(None, Status(429, headers={"Retry-After": "90"}), forever=True)
    ended = ltx("check", write_emails("ann@example.com"), "--max-wait", "5", "--summary-json", "s")
    assert ended.status == 4
    assert summary_of("s")["pending"] == 1


def test_a_failed_lookup_is_a_record_like_any_other(ltx, server):
    server.emulator.script("ann@example.com", Close(), forever=True)
    ended = ltx("check", write_emails("ann@example.com"), "--attempts", "1")
    assert ended.status == 1
    (record,) = ended.records
    assert (record["outcome"], record["error"]["type"]) == ("failed", "ProtocolError")


@pytest.mark.parametrize(
    ("configured", "words"),
    [
        (2, "2 accounts configured: the emails may belong to another"),
        (1, "1 account configured: the emails may belong to another"),
        (0, "no account configured: it may belong to another"),
    ],
)
def test_twenty_404s_in_a_row_bring_one_warning(ltx, server, configured, words):
    for email in ("ann@example.com", "bob@example.com")[configured:]:
        server.emulator.remove(email)
    source = write_emails(*(f"n{number}@example.com" for number in range(60)))
    ended = ltx("check", source, "--quiet")
    assert ended.status == 1
    (line,) = ended.err.splitlines()
    assert line.startswith("warning: none of the first 20 emails was found")
    assert words in line
    assert server.asked.count(None) == 1


def test_a_list_that_is_not_found_is_an_empty_one(ltx, server):
    server.emulator.script_list(404, forever=True)
    source = write_emails(*(f"n{number}@example.com" for number in range(20)))
    assert "no account configured" in ltx("check", source, "--quiet").err


def test_the_warning_comes_also_when_the_list_cannot_be_had(ltx, server):
    server.emulator.script_list(403, forever=True)
    source = write_emails(*(f"n{number}@example.com" for number in range(20)))
    ended = ltx("check", source, "--quiet")
    assert "the list of accounts cannot be had (HTTP 403" in ended.err


def test_one_account_found_in_time_means_no_warning(ltx, server):
    emails = [f"n{number}@example.com" for number in range(60)]
    source = write_emails(*emails[:5], "ann@example.com", *emails[5:])
    ended = ltx("check", source, "--concurrency", "1", "--quiet")
    assert ended.err == ""
    assert None not in server.asked


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_run(server, launch):
    with Path("/dev/full").open("wb") as full:
        process = launch("check", write_emails("ann@example.com"), stdout=full)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 4
    assert b"disk full" in err
    assert b"Traceback" not in err


def test_a_broken_pipe_ends_the_run_without_a_word(server, launch):
    server.emulator.latency = 0.05
    source = write_emails(*(f"n{number}@example.com" for number in range(500)))
    process = launch("check", source, "--quiet")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 141
    assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--from-api", "emails.txt"],
        ["-", "--token-file", "-"],
        ["emails.txt", "--column", "x"],
        ["--from-api", "--column", "x"],
        ["emails.txt", "-o", "out.sqlite3"],
        ["emails.txt", "-o", "out"],
        ["emails.txt", "--resume"],
        ["emails.txt", "--retry-failed", "-o", "-"],
        ["emails.txt", "-o", "out.jsonl", "--resume", "--overwrite"],
        ["emails.txt", "-o", "out.jsonl", "--retry-failed", "--overwrite"],
        ["emails.txt", "-o", "out.jsonl", "--resume", "--only", "ok"],
        ["emails.txt", "-o", "out.csv", "--retry-failed", "--only", "failed"],
        ["emails.txt", "--only", "ok,wrong"],
        ["emails.txt", "--expires-within", "soon"],
        ["emails.txt", "--min-balance", "nan"],
        ["emails.txt", "--rate", "0"],
        ["emails.txt", "--max-wait", "x"],
        ["emails.txt", "--summary-json", "./emails.txt"],
        ["emails.txt", "--summary-json", "-"],
        ["emails.txt", "--metrics-file", "-"],
        ["emails.txt", "-o", "out.jsonl", "--summary-json", "out.jsonl"],
        ["emails.txt", "--token-file", "emails.txt", "--summary-json", "emails.txt"],
        ["emails.txt", "--summary-json", "nowhere/s.json"],
        ["emails.txt", "--summary-json", "."],
        ["emails.txt", "--summary-json", "/dev/null"],
        ["emails.txt", "--summary-json", "s" * 300],
        ["nowhere.txt"],
        ["."],
        ["emails.txt", "--base-url", "ftp://example.com"],
        ["emails.txt", "--base-url", "http://example.com"],
        ["emails.txt", "--token", "user:12345-abcdefghi"],
    ],
)
def test_a_usage_error_is_exit_2_before_anything_is_sent_or_written(ltx, server, arguments):
    write_emails("ann@example.com")
    ended = ltx("check", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "rror: " in ended.err
    assert "Traceback" not in ended.err
    assert server.asked == []
    assert [path.name for path in Path().iterdir()] == ["emails.txt"]
    assert Path("emails.txt").read_text() == "ann@example.com\n"


def test_a_column_that_is_not_there_is_told_with_those_that_are(ltx, server):
    with Path("in.csv").open("w") as file:
        file.write("id,mail,copy\n1,ann@example.com,bob@example.com\n")
    ended = ltx("check", "in.csv", "--quiet")
    assert ended.status == 2
    assert ended.err == (
        "error: the input has no column 'email'; it has 'mail', 'copy', 'id'. "
        "Addresses are in 'mail' and 'copy'. Choose one with --column NAME.\n"
    )


@pytest.mark.parametrize(
    "line",
    ["ann@example.com, bob@example.com", "ann@example.com;bob@example.com", "Ann <a@example.com>"],
)
def test_what_is_more_than_one_plain_address_is_never_asked_for(ltx, server, line):
    ended = ltx("check", write_emails("ann@example.com", line, f"{line},x@y"), "--quiet")
    assert ended.outcomes == {
        "ann@example.com": "ok",
        line: "invalid",
        f"{line},x@y": "invalid",
    }
    assert server.asked == ["ann@example.com"]
    (warning,) = ended.err.splitlines()
    assert warning == (
        "warning: 2 lines not asked for: there are addresses among other things in them. "
        "--extract takes them out."
    )


@pytest.mark.parametrize("odd", ["a:b@example.com", "a\\b@example.com", '"a b"@example.com'])
def test_rare_characters_are_sent_and_warned_of_where_nothing_is_found(ltx, server, odd):
    ended = ltx("check", write_emails(odd, "ann@example.com"), "-q")
    assert ended.outcomes.pop(odd) == "not_found"
    assert odd in server.asked
    (warning,) = ended.err.splitlines()
    assert "not found with characters that addresses rarely have" in warning


def test_another_account_is_thought_of_only_after_odd_emails(ltx, server):
    ended = ltx("check", write_emails(*(f"a:{number}@example.com" for number in range(25))), "-q")
    odd, another, *more = ended.err.splitlines()
    assert "characters that addresses rarely have" in odd
    assert "another useapi.net account" in another
    assert len(more) <= 1  # those of them that came later


def test_an_odd_email_that_is_found_brings_no_warning(ltx, server):
    server.emulator.put(healthy("a:b@example.com"))
    assert ltx("check", write_emails("a:b@example.com", "nobody@example.com"), "-q").err == ""


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.sqlite"])
def test_a_wrong_column_leaves_no_output_and_harms_none(ltx, server, name):
    source = write_emails("login,other", "ann@example.com,bob@example.com", name="in.csv")
    ended = ltx("check", source, "-o", name)
    assert ended.status == 2
    assert ended.err.startswith("error: the input has no column")
    assert not Path(name).exists()
    assert ltx("check", source, "--column", "login", "-o", name).status == 0
    before = Path(name).read_bytes()
    assert ltx("check", source, "-o", name, "--overwrite").status == 2
    assert Path(name).read_bytes() == before


def test_an_interrupt_delivers_what_is_in_flight_and_adds_up(ltx, server):
    server.emulator.latency = 0.2
    source = write_emails(*(f"n{number}@example.com" for number in range(300)))
    signal_when(lambda: len(server.asked) > 10, 2)
    ended = ltx(
        "check", source, "-o", "out.jsonl", "--concurrency", "10", "--summary-json", "s.json"
    )
    assert ended.status == 130
    saved = summary_of()
    with Path("out.jsonl").open() as file:
        records = [json.loads(line) for line in file]
    assert saved["input"] == 300
    assert saved["not_found"] == len(records) == len(list(filter(None, server.asked)))
    assert saved["pending"] > 200
    assert "stopping" in ended.err
    assert "Traceback" not in ended.err


def test_an_interrupt_during_a_long_wait_takes_no_second(ltx, server):
    server.emulator.script(None, Status(429, headers={"Retry-After": "50"}), forever=True)
    source = write_emails("ann@example.com", "bob@example.com")
    signal_when(lambda: server.asked, 15)
    ended = ltx("check", source, "--summary-json", "s.json")
    assert ended.status == 143
    saved = summary_of()
    assert saved["pending"] == 2
    assert in_time(saved["elapsed_s"], 1.3)
    assert saved["stopped"] == {"type": "Signal", "message": "signal 15"}


@pytest.mark.parametrize(("number", "status"), [(1, 129), (2, 130), (15, 143)])
def test_each_signal_has_its_exit_status(server, launch, number, status):
    process = launch("check", "-", stdin=-1)
    process.stdin.write(b"ann@example.com\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(number)
    assert process.wait(10) == status  # standard input is open all the time
    err = process.stderr.read()
    assert b"as far as it was read" in err
    assert b"Traceback" not in err


def test_a_second_signal_ends_at_once(server, launch):
    server.emulator.latency = 30
    process = launch("check", "-", stdin=-1)
    process.stdin.write(b"ann@example.com\n")
    process.stdin.flush()
    while not server.asked:
        time.sleep(0.01)
    process.send_signal(2)
    assert b"stopping" in process.stderr.readline()
    process.send_signal(2)
    assert process.wait(2) == 130


def test_a_run_that_does_not_end_is_cut_after_the_grace(ltx, server, monkeypatch):
    monkeypatch.setattr(checkrun, "_GRACE", 0.1)
    server.emulator.latency = 30
    signal_when(lambda: server.asked, 2)
    source = write_emails("ann@example.com", "bob@example.com")
    assert ltx("check", source, "--summary-json", "s.json").status == 130
    saved = summary_of()
    assert (saved["pending"], in_time(saved["elapsed_s"], 2)) == (2, True)


def test_a_pipe_that_says_nothing_is_not_called_empty_after_a_signal(server, launch):
    process = launch("check", "-", "-o", "out.jsonl", stdin=subprocess.PIPE)
    while not Path("out.jsonl").exists():
        time.sleep(0.01)
    process.send_signal(2)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert b"there was no email" not in err


def test_a_dry_run_says_what_it_does_not_save(ltx, server):
    pytest.importorskip("prometheus_client")
    source = write_emails("ann@example.com")
    ended = ltx("check", source, "--dry-run", "--summary-json", "s.json", "--metrics-file", "m")
    assert (ended.status, ended.out) == (0, "ann@example.com\n")
    for name in ("s.json", "m"):
        assert f"nothing is saved in {name}, as nothing was asked" in ended.err
        assert not Path(name).exists()
    assert "nothing is saved" not in ltx("check", source, "--dry-run").err


def test_a_reader_that_only_waits_does_not_keep_the_run_from_ending(server, launch):
    source = write_emails(*(f"{number}{'x' * 200}@example.com" for number in range(2000)))
    process = launch("check", source, "--quiet")
    while len(server.asked) < 100:
        time.sleep(0.01)
    process.send_signal(15)  # the pipe is full, and nobody reads it
    assert process.wait(5) == 143


def test_what_an_unread_pipe_has_not_taken_is_given_up_after_a_signal(ltx, server, monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setattr(checkrun, "_GRACE", 0.1)
    monkeypatch.setattr(checkrun, "_LAST_WORDS", 0.1)
    source = write_emails(*(f"{number}{'x' * 200}@example.com" for number in range(500)))
    signal_when(lambda: not select.select([], [writing], [], 0)[1], 2)  # it is full
    pipe_end = f"/dev/fd/{writing}"
    assert ltx("check", source, "-o", pipe_end, "--summary-json", "s.json").status == 130
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        whole = pipe.read().count(b"\n")
    assert 0 < whole <= summary_of()["not_found"] <= whole + 1


def test_a_failure_on_closing_the_output_ends_the_run(ltx, server, monkeypatch):
    async def failing(_writer):
        raise OutputFailedError("out.jsonl: disk full")

    monkeypatch.setattr(writers.FileWriter, "close", failing)
    ended = ltx("check", write_emails("ann@example.com"), "-q", "-o", "out.jsonl")
    assert (ended.status, ended.err) == (4, "error: out.jsonl: disk full.\n")


def test_a_fault_of_our_own_is_never_hidden(ltx, server, monkeypatch):
    async def faulty(_writer, _lookups):
        raise RuntimeError("our fault")

    monkeypatch.setattr(writers.FileWriter, "write_all", faulty)
    with pytest.raises(RuntimeError, match="our fault"):
        ltx("check", write_emails("ann@example.com"), "-o", "out.jsonl")


FORMATS = pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.sqlite"])


@FORMATS
def test_a_resumed_run_asks_the_rest_and_sums_everything_up(ltx, server, name):
    write_emails("ann@example.com", "nobody@example.com")
    assert ltx("check", "emails.txt", "-o", name).status == 1
    write_emails(
        "..", "ann@EXAMPLE.com", "nobody@example.com", "bob@example.com", "ann@example.com"
    )
    asked = len(server.asked)
    ended = ltx("check", "emails.txt", "-o", name, "--resume", "--summary-json", "s.json")
    assert server.asked[asked:] == ["bob@example.com"]
    assert f"{name}: going on after 2 records" in ended.err
    assert "2 results of an earlier run counted in" in ended.err
    saved = summary_of()
    assert [saved[count] for count in ("input", "already_done", "pending")] == [5, 2, 0]
    assert [saved[count] for count in COUNTED[:6]] == [2, 0, 1, 1, 0, 1]
    assert (ended.status, saved["requests"]) == (1, 1)


@FORMATS
def test_records_say_where_they_are_from_and_going_on_elsewhere_is_told(ltx, server, name):
    write_emails("ann@example.com", "no email", "nobody@example.com")
    here = server.emulator.base_url
    assert ltx("check", "emails.txt", "-o", name).status == 1
    asked = {record.email: record.base_url for record in read_results(name)}
    assert asked == {"ann@example.com": here, "no email": None, "nobody@example.com": here}
    assert "this run asks" not in ltx("check", "emails.txt", "-o", name, "--resume").err
    with Emulator({"cat@example.com": healthy("cat@example.com")}) as other:
        write_emails("ann@example.com", "cat@example.com")
        ended = ltx("check", "emails.txt", "-o", name, "--resume", "--base-url", other.base_url)
        expected = f"warning: {name}: has records of {here}, and this run asks {other.base_url}\n"
        assert expected in ended.err
        assert [*read_results(name)][-1].base_url == other.base_url
    report = ltx("report", name)
    told = f"Asked at 2 base URLs: {here} (2 emails), {other.base_url} (1 email)."
    assert told in " ".join(report.out.split())


@FORMATS
def test_failed_emails_are_asked_again_only_when_told_to(ltx, server, name):
    write_emails("ann@example.com", "bob@example.com")
    server.emulator.script("bob@example.com", Status(500), Status(500))
    assert ltx("check", "emails.txt", "-o", name, "--attempts", "1").status == 1
    assert ltx("check", "emails.txt", "-o", name, "--resume", "--attempts", "1").status == 1
    assert len(server.asked) == 2
    # What stands after a retry that failed again is the later failure, once.
    assert ltx("check", "emails.txt", "-o", name, "--retry-failed", "--attempts", "1").status == 1
    assert ltx("check", "emails.txt", "-o", name, "--retry-failed").status == 0
    assert len(server.asked) == 4


def test_an_end_that_was_torn_is_mended_and_told(ltx, server):
    write_emails("ann@example.com", "bob@example.com")
    ltx("check", "emails.txt", "-o", "out.jsonl")
    whole = Path("out.jsonl").read_bytes()
    Path("out.jsonl").write_bytes(whole[:-7])
    ended = ltx("check", "emails.txt", "-o", "out.jsonl", "--resume")
    assert "out.jsonl: the last record was torn, and has been cut off" in ended.err
    assert len(Path("out.jsonl").read_bytes().splitlines()) == 2


def test_alerts_of_an_earlier_run_count(ltx, server):
    write_emails("ann@example.com")
    assert ltx("check", "emails.txt", "-o", "out.csv").status == 0
    write_emails("ann@example.com", "bob@example.com")
    ended = ltx("check", "emails.txt", "-o", "out.csv", "--resume", "-q", "--min-balance", "200")
    assert ended.status == 1
    assert sorted(ended.err.splitlines()) == [
        "attention: ann@example.com: balance 150 is below 200",
        "attention: bob@example.com: balance 150 is below 200",
    ]


def test_a_resumed_run_does_not_warn_of_missing_accounts_again(ltx, server):
    emails = [f"n{number}@example.com" for number in range(60)]
    write_emails(*emails[:25])
    assert "none of the first 20" in ltx("check", "emails.txt", "-o", "out.jsonl", "-q").err
    write_emails(*emails)
    assert ltx("check", "emails.txt", "-o", "out.jsonl", "--resume", "-q").err == ""


def test_results_that_a_database_could_not_keep_are_pending(ltx, server, monkeypatch):
    from ltx_async.results.sqlite.writer import SQLiteWriter

    close = SQLiteWriter.close

    async def failing(writer):
        await close(writer)
        raise UnsavedError("out.db: disk full", outcomes=Counter(ok=1))

    monkeypatch.setattr(SQLiteWriter, "close", failing)
    write_emails("ann@example.com", "nobody@example.com")
    ended = ltx("check", "emails.txt", "-o", "out.db", "-q", "--summary-json", "s.json")
    assert (ended.status, ended.err) == (4, "error: out.db: disk full.\n")
    saved = summary_of()
    assert (saved["ok"], saved["not_found"], saved["pending"]) == (0, 1, 1)


def test_the_list_call_can_be_interrupted(ltx, server):
    server.emulator.latency = 30
    signal_when(lambda: server.asked, 2)
    assert ltx("check", "--from-api").status == 130


def test_debug_logging_shows_no_token(ltx, server, monkeypatch):
    monkeypatch.setenv("LTX_ASYNC_LOG", "debug")
    ended = ltx("check", write_emails("ann@example.com"))
    assert "DEBUG ltx_async" in ended.err
    assert "abcdefghi" not in ended.err


def test_a_check_ends_with_who_needs_somebody_most_urgent_first(ltx, server):
    soon = int((datetime.now(UTC) + timedelta(days=3)).timestamp() * 1000)
    server.emulator.put(healthy("low@example.com", balance={"LTXStudio_token": 3}))
    server.emulator.put(healthy("soon@example.com", refreshTokenExpire=soon))
    server.emulator.put(healthy("bob@example.com", error="Session expired"))
    source = write_emails("low@example.com", "soon@example.com", "ann@example.com")
    with Path(source).open("a") as lines:
        lines.write("nobody@example.com\nbob@example.com\nx@@y\n")
    limits = ("--min-balance", "10", "--expires-within", "1d,7d")
    ended = ltx("check", source, *limits, "--summary-json", "s.json")
    told = [line.split(": ", 2)[1:] for line in ended.err.splitlines() if "attention: " in line]
    assert [email for email, _ in told] == [
        "bob@example.com",
        "nobody@example.com",
        "x@@y",
        "soon@example.com",
        "low@example.com",
    ]
    assert told[0][1] == "sign in again: Session expired"
    assert told[3][1].startswith("sign-in ends in 3 days (")
    summary = summary_of()
    assert (summary["need_attention"], summary["alerts"], ended.status) == (5, 2, 1)
    assert [one["email"] for one in summary["attention"]] == [email for email, _ in told]
    assert summary["attention"][3]["reasons"] == ["sign_in_ends"]
    assert summary["attention"][3]["due_at"] == timestamp(datetime.fromtimestamp(soon / 1000, UTC))


def test_only_attention_writes_those_that_need_somebody(ltx, server):
    server.emulator.put(healthy("low@example.com", balance={"LTXStudio_token": 3}))
    source = write_emails("low@example.com", "ann@example.com", "nobody@example.com")
    ended = ltx("check", source, "--only", "attention", "--min-balance", "10")
    assert ended.outcomes == {"low@example.com": "ok", "nobody@example.com": "not_found"}
    without = ltx("check", source, "--only", "attention")
    assert without.outcomes == {"nobody@example.com": "not_found"}
    both = ltx("check", source, "--only", "attention,ok")
    assert len(both.records) == 3
    assert "choose from ok, " in ltx("check", source, "--only", "urgent").err


def test_more_than_a_page_is_a_command_away_and_whole_in_the_summary(ltx, server):
    emails = [f"n{number:02}@example.com" for number in range(30)]
    for email in emails:
        server.emulator.put(healthy(email, balance={"LTXStudio_token": 3}))
    source = write_emails(*emails)
    ended = ltx("check", source, "-o", "my out.jsonl", "--min-balance", "10")
    assert ended.err.splitlines()[-1] == (
        "attention: and 10 more: ltx-async report 'my out.jsonl' --attention --min-balance 10"
    )
    resume = ("-o", "my out.jsonl", "--resume", "--min-balance", "10", "--summary-json", "s.json")
    assert ltx("check", source, *resume).status == 1
    assert [one["email"] for one in summary_of()["attention"]] == emails


def test_the_summary_has_so_many_that_need_somebody_and_counts_all(ltx, server, monkeypatch):
    monkeypatch.setattr(checking, "MOST_SAVED", 2)
    emails = [f"{name}@example.com" for name in "abcdef"]
    for asked in (emails[3:], emails):
        saved = ("-o", "out.jsonl", "--resume", "--summary-json", "s.json")
        ltx(
            "check", write_emails(*asked), *saved, "--concurrency", "1"
        )  # so that they are in order
        summary = summary_of()
        assert (summary["need_attention"], len(summary["attention"])) == (len(asked), 2)
    assert [one["email"] for one in summary["attention"]] == emails[3:5]


def test_quiet_and_without_a_threshold_nobody_is_named(ltx, server):
    ended = ltx("check", write_emails("nobody@example.com", "ann@example.com"), "-q")
    assert (ended.status, ended.err) == (1, "")


@pytest.mark.parametrize("text", ["7", "7d,", ",7d", "7d;1d", "soon"])
def test_limits_are_durations_joined_by_commas(ltx, server, text):
    ended = ltx("check", write_emails("ann@example.com"), "--expires-within", text)
    assert ended.status == 2
    assert "7d" in ended.err
    assert server.asked == []


def test_chosen_outcomes_are_asked_again_and_heal(ltx, server):
    write_emails("ann@example.com", "bob@example.com", "eve@example.com")
    server.emulator.script("bob@example.com", 404)
    assert ltx("check", "emails.txt", "-o", "out.jsonl").status == 1
    server.emulator.put(healthy("eve@example.com"))
    before = len(server.asked)
    ended = ltx("check", "emails.txt", "-o", "out.jsonl", "--retry", "not_found")
    assert ended.status == 0
    assert sorted(server.asked[before:]) == ["bob@example.com", "eve@example.com"]
    assert "going on after 1 record, the oldest of " in ended.err


@pytest.mark.parametrize(("age", "asked"), [("0s", 1), ("1h", 0)])
def test_what_is_older_is_asked_again(ltx, server, age, asked):
    write_emails("ann@example.com")
    assert ltx("check", "emails.txt", "-o", "out.jsonl").status == 0
    before = len(server.asked)
    assert ltx("check", "emails.txt", "-o", "out.jsonl", "--older-than", age).status == 0
    assert len(server.asked) - before == asked


@FORMATS
@pytest.mark.parametrize("how", [["--older-than", "0s"], ["--retry", "ok,not_found"]])
@pytest.mark.parametrize("limit", [[], ["--limit", "2"]])
def test_what_is_not_asked_again_after_all_stays(ltx, server, name, how, limit):
    emails = [f"user{number:06}@example.com" for number in range(1, 9)]
    write_emails("ann@example.com", "nobody@example.com", *emails)
    assert ltx("check", "emails.txt", "-o", name).status == 1
    before = {record.email: record for record in read_results(name)}
    assert len(before) == 10
    write_emails("NEW@example.com", *emails[:4], name="some.txt")
    ended = ltx("check", "some.txt", "-o", name, *how, *limit)
    assert f"{name}: 10 records to be asked again, where the input has them" in ended.err
    records = list(read_results(name))
    after = {record.email: record for record in records}
    asked = ["NEW@example.com", *emails[: 1 if limit else 4]]
    assert len(records) == len(after) == 11
    assert {email for email in after if before.get(email) != after[email]} == {*asked}


@FORMATS
def test_a_run_that_asks_again_and_ends_early_is_begun_once_more(ltx, server, name):
    write_emails("ann@example.com", "bob@example.com", "eve@example.com")
    assert ltx("check", "emails.txt", "-o", name).status == 1
    before = {record.email: record for record in read_results(name)}
    server.emulator.script("bob@example.com", 402)
    again = ("check", "emails.txt", "-o", name, "--older-than", "0s", "--concurrency", "1")
    ended = ltx(*again)
    assert (ended.status, "subscription, then run again." in ended.err) == (3, True)
    after = {record.email: record for record in read_results(name)}
    assert {email for email in after if before[email] != after[email]} == {"ann@example.com"}
    asked = len(server.asked)
    assert ltx(*again).status == 1
    assert len(server.asked) == asked + 3


@pytest.mark.parametrize("flag", [["--retry", "failed"], ["--older-than", "1h"]])
def test_what_goes_on_needs_a_file_and_no_overwrite(ltx, server, flag):
    write_emails("ann@example.com")
    assert ltx("check", "emails.txt", *flag).status == 2
    ended = ltx("check", "emails.txt", "-o", "out.jsonl", *flag, "--overwrite")
    assert ended.status == 2
    assert f"Give either {flag[0]} or --overwrite" in ended.err


def test_an_outcome_that_there_is_not_is_refused(ltx, server):
    write_emails("ann@example.com")
    ended = ltx("check", "emails.txt", "-o", "out.jsonl", "--retry", "gone")
    assert (ended.status, "choose from ok, needs_reauth" in ended.err) == (2, True)
