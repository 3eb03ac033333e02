import io
import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from command_line import healthy, make_lookup
from patience import LONG
from rich.console import Console

from ltx_async import AccountNotFoundError, Outcome
from ltx_async.cli.commands import get as get_module
from ltx_async.cli.terminal.account_table import show_accounts


def test_lines_come_in_the_order_of_the_arguments(ltx, server):
    ended = ltx("get", "nobody@example.com", "bob@example.com", "..", "ann@example.com")
    assert list(ended.outcomes.items()) == [
        ("nobody@example.com", "not_found"),
        ("bob@example.com", "ok"),
        ("..", "invalid"),
        ("ann@example.com", "ok"),
    ]
    assert ended.status == 1
    assert ended.err == ""


@pytest.mark.parametrize(
    "emails",
    [
        ["ann@example.com", b"caf\xe9@x", "bob@example.com"],
        [b"\xff", "ann@example.com", b"\xfe"],
        ["nobody@example.com", b"\xff@x", b"\xfe@x", "bob@example.com", b"\xfd@x"],
        ["..", b"\xff@x", "ann@example.com", "a b"],
    ],
)
def test_what_is_never_asked_for_keeps_its_place(ltx, server, emails):
    given = [email if isinstance(email, str) else os.fsdecode(email) for email in emails]
    shown = [email if isinstance(email, str) else repr(email)[2:-1] for email in emails]
    assert list(ltx("get", *given).outcomes) == shown


def test_all_well_is_exit_0(ltx, server):
    assert ltx("get", "ann@example.com").status == 0


def test_an_early_end_says_what_has_no_answer(ltx, server, monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:1-wrong")
    ended = ltx("get", "ann@example.com")
    assert (ended.status, ended.out) == (3, "")
    first, second = ended.err.splitlines()
    assert first == "no answer for 1 of 1 email"
    assert second.startswith("error: HTTP 401: Unauthorized. Check the API token")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("emails", [["ann@example.com"], ["ann@example.com", "bob@example.com"]])
def test_an_answer_that_cannot_be_written_is_not_called_none(launch, server, emails):
    with Path("/dev/full").open("wb") as full:
        process = launch("get", *emails, stdout=full)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 4
    assert err.startswith(b"error: standard output: disk full")
    assert err.count(b"\n") == 1


def test_on_a_terminal_a_table_is_shown_unless_json_is_asked_for(ltx, server, monkeypatch):
    monkeypatch.setattr(get_module, "is_terminal", lambda _descriptor: True)
    table = ltx("get", "ann@example.com", "nobody@example.com").out
    assert "balance" in table
    assert "not_found" in table
    assert json.loads(ltx("get", "ann@example.com", "--json").out)["outcome"] == "ok"


def rendered(lookups, width):
    console = Console(width=width, record=True, file=io.StringIO())
    show_accounts(lookups, console)
    return console.export_text()


LOOKUPS = [
    make_lookup(wire=healthy("ann@example.com", refreshTokenExpire=1_767_225_600_000)),
    make_lookup(
        "b[red]\x1b[31m@x",
        wire=healthy("b@x", error="sign\nin \x9b1m[/]"),
        outcome=Outcome.NEEDS_REAUTH,
    ),
    make_lookup(
        "nobody@example.com",
        error=AccountNotFoundError("HTTP 404: none", status=404),
        outcome=Outcome.NOT_FOUND,
    ),
]


@pytest.mark.parametrize("width", [40, 80, 130])
def test_people_see_everything_at_any_width_and_server_text_stays_inert(width):
    text = rendered(LOOKUPS, width)
    assert max(map(len, text.splitlines())) <= width
    for shown in ("ann@example.com", "150", "20", "2026-01-01", "not_found", "404"):
        assert shown in text
    joined = "".join(text.split())
    assert r"b[red]\x1b[31m@x" in joined
    assert r"sign\nin\x9b1m[/]" in joined
    assert "\x1b" not in text


def test_the_trouble_column_is_there_only_in_trouble():
    assert "sign-in until" in rendered(LOOKUPS[:1], 80)
    assert "trouble" not in rendered(LOOKUPS[:1], 80)
    assert "trouble" in rendered(LOOKUPS, 130)
    assert rendered([], 80) == ""


def test_a_real_terminal_gets_the_table_and_no_bar_is_left(server, launch, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 40))
    process = launch(
        "get", "ann@example.com", stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1000):
            shown += piece
    except OSError:  # Linux says EIO when the last one has left
        pass
    os.close(ours)
    assert process.wait(10) == 0
    assert b"ann@example.com" in shown
    assert b"balance 150" in shown
    assert b'"outcome"' not in shown


def test_one_email_waits_for_nothing_that_only_files_need():
    code = (
        "import sys; from ltx_async.cli.app import run; status = run(['get', '..']);"
        "bad = {'sqlite3', 'csv', 'zipfile', 'importlib.metadata', 'rich.live', 'uvloop', 'html',"
        " 'difflib', 'ltx_async.inputs.reading', 'ltx_async.inputs.tables', 'ltx_async.report',"
        " 'ltx_async.inputs.source', 'ltx_async.monitor', 'ltx_async.files.private'};"
        "sys.exit(', '.join(sorted(bad & set(sys.modules))) or status)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "USEAPI_TOKEN": "user:12345-abcdefghi"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.strip()) == (1, "")
    assert '"outcome":"invalid"' in ended.stdout
