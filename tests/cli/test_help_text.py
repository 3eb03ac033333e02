"""Help and usage errors fit the terminal they are shown on."""

import os
import pty
import struct
from fcntl import ioctl
from termios import TIOCSWINSZ

import pytest

COMMANDS = ["get", "check", "watch", "accounts", "serve", "report", "doctor", "demo"]


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_line_of_help_is_wider_than_the_terminal(ltx, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = ltx(*command.split(), "--help")
    assert ended.status == 0
    assert max(map(len, ended.out.splitlines())) < min(columns, 81)


def test_on_a_narrow_terminal_an_option_has_its_meaning_below(ltx, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    help_text = ltx("check", "--help").out
    assert (
        "\n  --resume\n    Go on with OUT: ask only what it\n    has no record of.\n" in help_text
    )
    assert "\n    ltx-async check emails.txt -o \\\n      results.jsonl\n" in help_text
    assert "\n  get       Look up the accounts of one\n" in ltx("--help").out


def test_on_a_wide_terminal_an_option_has_its_meaning_beside_it(ltx, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    help_text = ltx("check", "--help").out
    assert "\n  --overwrite                   Replace OUT if it exists.\n" in help_text
    assert "\n    ltx-async check emails.txt -o results.jsonl --resume\n" in help_text


def test_a_usage_error_is_broken_between_words_on_a_terminal(launch):
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("4H", 30, 40, 0, 0))
    process = launch("check", stderr=theirs)
    os.close(theirs)
    process.wait(20)
    shown = os.read(ours, 65_536).decode().splitlines()
    os.close(ours)
    assert shown[-2:] == ["Error: Give either FILE (- for stdin) or", "  --from-api."]


def test_in_a_log_a_usage_error_is_one_line(ltx):
    assert "Error: Give either FILE (- for stdin) or --from-api.\n" in ltx("check").err
