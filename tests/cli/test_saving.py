"""A file that an option writes takes the place of nothing but an earlier one of its kind."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

EMAILS = "ann@example.com\nbob@example.com\n"
OPTIONS = ["--summary-json", "--metrics-file"]


@pytest.fixture
def emails():
    Path("emails.txt").write_text(EMAILS)
    return "emails.txt"


@pytest.fixture
def ask(ltx, server, emails):
    """Check the emails, and return how that ended."""
    pytest.importorskip("prometheus_client")
    return lambda *options: ltx("check", emails, "-o", "new.jsonl", "--overwrite", *options)


def database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()


OTHERS = {
    "text": EMAILS,
    "a table": "email,name\nann@example.com,Ann\n",
    "json": '["ann@example.com"]',
    "an object": '{"input": "ann@example.com"}',
    "json of another": '{"input": 3, "output": 4}',
    "a blank line": "\n",
    "metrics of another": "# HELP node_load1 1m load average.\nnode_load1 0.5\n",
    "a page": "<html></html>",
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_a_file_of_another_kind_is_refused_and_left(ask, server, option, content):
    Path("kept").write_text(content)
    ended = ask(option, "kept")
    assert ended.status == 2
    assert "error: kept: exists already, and is no " in ended.err
    assert f"Choose another name for {option}" in ended.err
    assert Path("kept").read_text() == content
    assert server.asked == []
    assert not Path("new.jsonl").exists()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", ["r.jsonl", "r.csv", "r.tsv", "r.sqlite"])
def test_results_are_never_replaced(ltx, ask, server, option, name):
    assert ltx("check", "emails.txt", "-o", name).status == 0
    before, asked = Path(name).read_bytes(), len(server.asked)
    ended = ask(option, name)
    assert (ended.status, Path(name).read_bytes()) == (2, before)
    assert len(server.asked) == asked


@pytest.mark.parametrize("option", OPTIONS)
def test_a_database_and_the_file_of_the_other_option_are_refused(ask, option):
    database("other.db")
    assert ask(option, "other.db").status == 2
    (other,) = {*OPTIONS} - {option}
    assert ask(other, "figures").status == 0
    assert ask(option, "figures").status == 2


@pytest.mark.parametrize("option", OPTIONS)
def test_an_earlier_file_of_the_same_kind_and_an_empty_one_are_replaced(ask, option):
    Path("figures").touch()
    assert ask(option, "figures").status == 0
    before = Path("figures").stat().st_ino
    assert ask(option, "figures").status == 0
    assert Path("figures").stat().st_ino != before


def test_a_summary_that_was_set_in_another_form_is_still_one(ask):
    assert ask("--summary-json", "s.json").status == 0
    saved = json.loads(Path("s.json").read_text())
    Path("s.json").write_text(json.dumps(saved, separators=(",", ":")))
    assert ask("--summary-json", "s.json").status == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_refused(ask):
    Path("s.json").write_text(EMAILS)
    Path("s.json").chmod(0)
    assert "s.json: Permission denied" in ask("--summary-json", "s.json").err


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_a_standard_stream_is_redirected_to_is_refused(server, emails, option, stream):
    pytest.importorskip("prometheus_client")
    command = [sys.executable, "-m", "ltx_async", "check", emails, option, "r"]
    with Path("r").open("wb") as file:
        files = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, stream: file}
        ended = subprocess.run(command, check=False, **files)
    said = Path("r").read_bytes() + (ended.stderr or b"")
    assert b"error: r: is needed for something else." in said
    assert (ended.returncode, server.asked) == (2, [])


@pytest.mark.parametrize("option", OPTIONS)
def test_the_input_is_not_replaced_where_it_comes_by_standard_input(launch, server, option):
    pytest.importorskip("prometheus_client")
    Path("emails.txt").write_text(EMAILS)
    with Path("emails.txt").open("rb") as file:
        process = launch("check", "-", option, "emails.txt", stdin=file)
        _, err = process.communicate()
    assert (process.returncode, server.asked) == (2, [])
    assert b"emails.txt: is needed for something else." in err
    assert Path("emails.txt").read_text() == EMAILS


def test_standard_streams_may_be_closed(server, emails):
    Path("s.json").touch()
    command = "exec {} -m ltx_async check emails.txt -o r.jsonl --summary-json s.json <&- >&- 2>&-"
    python = sys.executable
    ended = subprocess.run(["sh", "-c", command.format(python)], check=False)
    assert ended.returncode == 0
    assert json.loads(Path("s.json").read_text())["ok"] == 2


@pytest.mark.parametrize("command", [("watch", "--from-api", "--rounds", "1")])
def test_watch_replaces_no_results_either(ltx, server, emails, command):
    pytest.importorskip("prometheus_client")
    assert ltx("check", emails, "-o", "r.jsonl").status == 0
    before = Path("r.jsonl").read_bytes()
    for option in ("--metrics-file", "--state"):
        ended = ltx(*command, option, "r.jsonl")
        assert (ended.status, Path("r.jsonl").read_bytes()) == (2, before)
        assert "Choose another name for " in ended.err
        assert "remove it to begin anew" not in ended.err or "If it was one" in ended.err
