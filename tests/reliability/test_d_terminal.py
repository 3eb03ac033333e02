"""Promise 26: what a server or a file says moves, colours and runs nothing anywhere."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ltx_async.models import Account, Lookup, Outcome
from ltx_async.results.csv_format import CSV, TSV, neutralised, restored
from ltx_async.results.stream import open_stream

from .inplace import run_in_place
from .replies import account_body, error, reply
from .shell import ltx, surroundings, wire_server
from .wire import Asked

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;pwned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "link": "\x1b]8;;https://example.com\x1b\\x\x1b]8;;\x1b\\",
    "C1 CSI": "\x9b31mred",
    "C1 OSC": "\x9d0;pwned\x9c",
    "carriage return": "failed\rok    ",
    "line feed": "first\nerror: second",
    "backspace": "abc\b\b\bxyz",
    "bell": "\x07",
    "NUL": "a\x00b",
    "DEL": "a\x7fb",
    "vertical tab": "a\x0bb\x0cc",
    "bidi override": "abc\u202efed\u202c",
    "bidi isolate": "\u2066abc\u2069",
    "right-to-left mark": "a\u200fb",
    "separators": "a\u2028b\u2029c\u0085d",
    "zero width": "a\u200bb\ufeffc",
    "tags": "a\U000e0041b",
    "markup": "[bold red]x[/bold red][link=https://example.com]y[/link]",
    "emoji markup": ":warning: :smile:",
}
UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
OUR_STYLES = re.compile(  # the carriage return is the bar's, which is drawn anew
    r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\r?\x1b\[[0-9]*[A-K]"
)


def on_a_terminal(*arguments: str, base_url: str, cwd: Path) -> tuple[int, str]:
    """Run a command with all of its streams on a terminal of 200 columns."""
    ours, theirs = pty.openpty()
    shown = []

    def watch() -> None:
        with contextlib.suppress(OSError):  # Linux: the other side is closed
            while piece := os.read(ours, 65536):
                shown.append(piece)

    watching = threading.Thread(target=watch)
    watching.start()
    variables = {"TERM": "xterm-256color", "COLUMNS": "200", "LINES": "50"}
    try:
        status = run_in_place(
            arguments,
            cwd=cwd,
            environment=surroundings(base_url, **variables),
            descriptors=[theirs] * 3,
            seconds=20,
        )
    finally:
        os.close(theirs)
        watching.join(20)
        os.close(ours)
    return status, b"".join(shown).decode("utf-8", "surrogateescape")


def assert_inert(shown: str):
    """Nothing is left but our own colours, and the line ends of the terminal."""
    plain = shown.replace("\r\n", "\n")
    assert [text for text in HOSTILE.values() if not text.isprintable() and text in plain] == []
    text = OUR_STYLES.sub("", plain)
    assert UNFIT.findall(text) == []
    assert "error: second" not in text.split("\n")


def broken_account(text: str):
    def answer(asked: Asked):
        if asked.email == "ann@example.com":
            return [reply(200, account_body(asked.email, error=text, odd={text: text}))]
        return [error(400, error=text)]

    return answer


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_a_server_says_is_inert_on_a_terminal(tmp_path, text):
    with wire_server(broken_account(text)) as server:
        emails = ("ann@example.com", "bob@example.com")
        status, shown = on_a_terminal("get", *emails, base_url=server.base_url, cwd=tmp_path)
    assert (status, server.requests) == (1, 2)
    assert_inert(shown)
    assert "ann@example.com" in shown
    if text.startswith(("[bold", ":warning:")):
        assert text in shown


def test_what_a_server_says_is_inert_in_every_other_place(tmp_path):
    """The list's keys, an error that ends a run, headers, and JSON lines on a terminal."""
    text = "".join(HOSTILE.values())
    listed = json.dumps({f"{text}@example.com": {"maxJobs": 1, "error": text}}).encode()
    with wire_server(lambda _asked: [reply(200, listed)]) as server:
        for arguments in (("accounts",), ("accounts", "--json")):
            assert_inert(on_a_terminal(*arguments, base_url=server.base_url, cwd=tmp_path)[1])
    with wire_server(lambda _asked: [error(401, error=text)]) as server:
        status, shown = on_a_terminal(
            "get", "ann@example.com", base_url=server.base_url, cwd=tmp_path
        )
    assert status == 3
    assert_inert(shown)


@pytest.mark.parametrize("output", ["-", "/dev/fd/2"])
@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_records_are_inert_on_a_terminal(tmp_path, form, output):
    """Each is a line of its own there, whatever its cells hold."""
    texts = {f"{number}@example.com": text for number, text in enumerate(HOSTILE.values())}

    def answer(asked: Asked):
        text = texts[asked.email]
        return [reply(200, account_body(asked.email, error=text, odd={text: text}))]

    (tmp_path / "in.txt").write_text("\n".join([*texts, "no\x1b[31m\u202email"]))
    arguments = ("check", "in.txt", "-q", "--ordered", "--format", form, "-o", output)
    with wire_server(answer) as server:
        status, shown = on_a_terminal(*arguments, base_url=server.base_url, cwd=tmp_path)
    assert status == 1
    assert_inert(shown)
    lines = shown.splitlines()[form != "jsonl" :]
    assert [line.strip('{"').removeprefix('email":"')[:1] for line in lines[:10]] == [*"0123456789"]
    assert len(lines) == len(texts) + 1


@pytest.mark.parametrize("form", [CSV, TSV])
async def test_a_terminal_that_is_opened_by_its_name_is_one(form):
    ours, theirs = pty.openpty()
    account = Account("ann@example.com", error="a\x1b[31mb\ncd")
    lookup = Lookup(0, "ann@example.com", Outcome.NEEDS_REAUTH, account, None, 200, 1, 0.25, NOW)
    try:
        writer = await open_stream(os.ttyname(theirs), form)
        await writer.write(lookup)
        await writer.close()
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(theirs)
        os.close(ours)
    assert r"a\x1b[31mb\ncd" in shown
    assert_inert(shown)


def test_what_an_input_says_is_inert_on_a_terminal(tmp_path):
    name = "a\x1b[31m\u202e\udcffb.txt"
    lines = [f"{text}@example.com".replace("\n", "") for text in HOSTILE.values()]
    (tmp_path / name).write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
    with wire_server(lambda _asked: [error(404)]) as server:
        column = ("--column", "\x1b[31m")
        for arguments in (("check", name), ("check", name, *column), ("get", *lines)):
            clean = [argument.replace("\x00", "") for argument in arguments]
            _, shown = on_a_terminal(*clean, base_url=server.base_url, cwd=tmp_path)
            assert_inert(shown)


USAGE = [
    ("check", "a.txt", "\x1b]0;pwned\x07"),
    ("\x1b]0;pwned\x07",),
    ("check", "--\x1b]0;pwned\x07"),
    ("check", "\x1b]0;pwned\x07.csv"),
    ("check", "x.txt", "-o", "\x1b]0;pwned\x07.odd"),
    ("get", "a@example.com", "--rate", "\x1b]0;pwned\x07"),
    ("get", "a@example.com", "--concurrency", "\x1b]0;pwned\x07"),
    ("get", "a@example.com", "--transport", "\x1b]0;pwned\x07"),
    ("get", "a@example.com", "--token-file", "\x1b]0;pwned\x07"),
    ("get", "a@example.com", "--base-url", "\x1b]0;pwned\x07"),
    ("check", "x", "--only", "\x1b]0;pwned\x07"),
    ("check", "x", "--expires-within", "\x1b]0;pwned\x07"),
    ("serve", "--fault", "\x1b]0;pwned\x07=1"),
    ("serve", "--accounts", "\x1b]0;pwned\x07"),
]


@pytest.mark.parametrize("arguments", USAGE, ids=lambda arguments: ascii(" ".join(arguments)))
def test_an_argument_is_inert_when_it_is_quoted(tmp_path, arguments):
    """A shell's pattern stands for file names, and anybody may have named them."""
    status, shown = on_a_terminal(*arguments, base_url="http://127.0.0.1:9/v1", cwd=tmp_path)
    assert status == 2
    assert_inert(shown)


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''", "=cmd|'/c calc'!A1"]
WIDE = "\uff1d", "\uff0b", "\uff0d", "\uff20"  # = + - @ in the width of Chinese characters
STARTS = ("=", "+", "-", "@", "\t", "\r", *WIDE)
FORMULAS += [*(f"{first}1+1" for first in WIDE), f"'{WIDE[0]}1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_csv_cell_that_a_spreadsheet_would_run_is_neutralised_reversibly(tmp_path, text):
    email = f"{text.strip()}x@example.com"
    answers = {
        email: [error(400, error=text)],
        "ann@example.com": [reply(200, account_body("ann@example.com", error=text))],
    }
    (tmp_path / "in.txt").write_text("\n".join(answers))
    with wire_server(lambda asked: answers[asked.email]) as server:
        arguments = ("check", "in.txt", "-o", "out.csv", "-q")
        ended = ltx(*arguments, base_url=server.base_url, cwd=tmp_path)
    assert ended.status == 1, ended.err
    data = (tmp_path / "out.csv").read_bytes().decode()
    rows = {restored(row["email"]): row for row in csv.DictReader(io.StringIO(data, newline=""))}
    assert set(rows) == set(answers)
    assert rows["ann@example.com"]["error"] == f"'{text}"
    assert restored(rows["ann@example.com"]["error"]) == text
    for row in csv.reader(io.StringIO(data, newline="")):
        assert [cell for cell in row if cell.startswith(STARTS)] == []


@pytest.mark.parametrize("text", ["a;=1", "a\uff1b=1", ";", "x\uff1b\uff1dcmd"])
def test_a_semicolon_that_might_separate_cells_stands_in_quotes(text):
    assert CSV.line(["ann@example.com", text]) == f'ann@example.com,"{text}"\n'.encode()


def test_neutralising_is_undone_by_restoring():
    for first in (*map(chr, range(0x250)), *STARTS):
        for text in (first, f"{first}x", f"'{first}"):
            assert restored(neutralised(text)) == text


def test_json_lines_stay_one_line_of_ascii_each(tmp_path):
    text = "".join(HOSTILE.values()) + "\ud7ff\U0001f600\xff\x7f"
    odd = {text[start : start + 90]: [text] for start in range(0, len(text), 90)}  # no longer names
    emails = [f'"{number}\u2028\u2029\u3000x"@example.com' for number in range(3)]
    (tmp_path / "in.txt").write_text("\n".join(emails), encoding="utf-8")

    def answer(asked: Asked):
        return [reply(200, account_body(asked.email, error=text, odd=odd))]

    with wire_server(answer) as server:
        arguments = ("check", "in.txt", "-o", "out.jsonl", "-q")
        ended = ltx(*arguments, base_url=server.base_url, cwd=tmp_path)
    assert ended.status == 1, ended.err
    data = (tmp_path / "out.jsonl").read_bytes()
    assert data.isascii()
    assert set(data) & set(range(0x20)) == {0x0A}
    assert b"\x7f" not in data
    records = [json.loads(line) for line in data.decode().splitlines()]
    assert sorted(record["email"] for record in records) == emails
    assert [record["account"]["odd"] for record in records] == [odd] * 3
