"""Help and usage errors fit the terminal they are shown on."""

import contextlib
import os
import pty
import struct
from fcntl import ioctl
from termios import TIOCSWINSZ

import click
import pytest

from ltx_async.cli.app import commands

COMMANDS = commands.list_commands(click.Context(commands))


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_line_of_help_is_wider_than_the_terminal(ltx, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = ltx(*command.split(), "--help")
    assert ended.status == 0
    assert max(map(len, ended.out.splitlines())) < min(columns, 81)


@pytest.mark.parametrize("columns", ["1", "2", "20", "0", "-5", "junk"])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_terminal_without_width_is_no_traceback(ltx, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", columns)
    ended = ltx(*command.split(), "--help")
    assert (ended.status, ended.err) == (0, "")
    assert "--help" in ended.out


@pytest.mark.parametrize("size", [(0, 0), (1, 1)])
@pytest.mark.parametrize("arguments", [("get", "ann@example.com"), ("doctor",), ("chek",)])
def test_a_terminal_of_no_size_is_no_traceback(launch, server, size, arguments):
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("4H", *size, 0, 0))
    process = launch(*arguments, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # what Linux says at the end
        while data := os.read(ours, 65_536):
            shown += data
    os.close(ours)
    assert process.wait(20) in {0, 1, 2}
    assert b"Traceback" not in shown


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
