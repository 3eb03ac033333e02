"""What the README and every other document print is what happens: `documents.py` says how."""

import contextlib
import csv
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
from documents import Reader, Step, holds, own_commands, shell, steps

import ltx_async
from ltx_async.cli.app import commands
from ltx_async.emulator import Emulator, GeneratedAccounts

PROJECT = Path(__file__).parent.parent
SAMPLES = PROJECT / "tests" / "data" / "samples"
DOCUMENTS = {
    str(document.relative_to(PROJECT)): document.read_text("utf-8")
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "benchmarks/*.md", "tests/**/*.md")
    for document in sorted(PROJECT.glob(pattern))
}
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
TO_RUN = [name for name, text in DOCUMENTS.items() if list(steps(text))]


@pytest.fixture(scope="module")
def service():
    """An emulator in a thread of its own, with generated accounts and those of the documents."""
    accounts = dict(GeneratedAccounts(20, unhealthy=0))
    accounts |= json.loads((SAMPLES / "accounts.json").read_text("utf-8"))
    with Emulator(accounts) as emulator:
        yield {"USEAPI_API": emulator.base_url, "USEAPI_TOKEN": emulator.token}


def of_the_readme(directory):
    lines = (directory / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["ok"] * 20
    assert len((directory / "everything.jsonl").read_text().splitlines()) == 1000


def of_the_recipes(directory):
    with contextlib.closing(sqlite3.connect(directory / "results.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM lookups").fetchone() == (20,)
    with (directory / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 20

    (posted,) = (directory / "posted.jsonl").read_text().splitlines()
    told = json.loads(posted)["text"].splitlines()
    assert told
    assert all(re.fullmatch(r"\S+@example\.com: balance \d+ is below 1,000", line) for line in told)


class Receiver(BaseHTTPRequestHandler):
    """Somebody whom a document posts to."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with (self.server.directory / "posted.jsonl").open("ab") as file:
            file.write(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def webhook(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.directory = tmp_path
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield {"SLACK_WEBHOOK": f"http://127.0.0.1:{server.server_port}/services/T0/B0/secret"}
        server.shutdown()
        thread.join()


LEFT_BEHIND = {"README.md": of_the_readme, "docs/recipes.md": of_the_recipes}


@pytest.mark.parametrize("name", TO_RUN)
def test_a_document_does_what_it_says(name, service, webhook, tmp_path):
    emails = [f"user{number:06}@example.com" for number in range(1, 21)]
    (tmp_path / "emails.txt").write_text("\n".join([*emails, ""]))
    (tmp_path / "emails.csv").write_text("\n".join(["login", *emails, ""]))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    reader = Reader(tmp_path, os.environ | service | webhook | {"PATH": path})
    every = list(steps(DOCUMENTS[name]))
    try:
        for step in every:
            if not step.missing:
                reader.follow(step)
    finally:
        reader.leave()
    LEFT_BEHIND.get(name, Path.is_dir)(tmp_path)
    if missing := {step.missing for step in every} - {None}:
        pytest.skip(f"all but what needs {', '.join(missing)}: not installed")


def test_what_is_shown_has_to_be_there_in_its_order():
    step = Step("console", "ltx-async get", ("first …", "^C", "  last"))
    holds(step, "first one\r\nanother\n\x1b[1m  last\x1b[0m\n")
    for other in ("first\n  last\n", "  last\nfirst one\n", "first one\n  last!\n"):
        with pytest.raises(AssertionError, match="does not show"):
            holds(step, other)


def verify_options(text):
    """Have each `ltx-async` read its arguments, without looking at the files that they name."""
    for name, *rest in own_commands(text):
        _verify_options(name, rest)


def _verify_options(name, rest):
    if name.startswith("-"):
        assert not rest
        return
    command = commands.get_command(click.Context(commands), name)
    assert command is not None, name
    command.make_parser(click.Context(command, info_name=name)).parse_args(rest)


@pytest.mark.parametrize("name", [name for name, text in DOCUMENTS.items() if [*shell(text)]])
def test_a_shell_takes_every_line_and_the_command_all_its_options(name):
    for text in shell(DOCUMENTS[name]):
        done = subprocess.run(
            ["bash", "-n"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), text
        verify_options(text)


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("ltx-async check emails.txt --retry-fialed", click.NoSuchOption),
        ("USEAPI_TOKEN=x ltx-async check a -o b | ltx-async report - -n", click.NoSuchOption),
        ("ltx-async watch --every", click.BadOptionUsage),
        ('0 7 * * *  ltx-async watch --quite --state "$HOME/state"', click.NoSuchOption),
        ("ltx-async chekc emails.txt", AssertionError),
    ],
)
def test_an_option_or_a_command_that_is_not_there_is_found(line, missing):
    with pytest.raises(missing):
        verify_options(line)


def test_the_documents_have_what_is_tested_here():
    assert len(list(steps(DOCUMENTS["README.md"]))) >= 8
    for name, text in DOCUMENTS.items():
        assert len(re.findall(r"^```", text, re.MULTILINE)) % 2 == 0, name


def anchors(text):
    """Return the anchors of a document's headings, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_within_the_project_leads_somewhere(name):
    for link in LINK.findall(DOCUMENTS[name]):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (PROJECT / name).parent / path if path else PROJECT / name
        assert target.exists(), link
        assert not anchor or anchor in set(anchors(target.read_text("utf-8"))), link


def test_the_picture_of_the_rooms_is_the_contract():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    layers = [layer.split(" | ") for layer in contract["layers"]]
    text = DOCUMENTS["docs/design.md"].split("\n## Rooms\n")[1]
    assert [line.split() for line in text.split("```")[1].split("\n")[1:-1]] == layers
    described = re.findall(r"^\| `(\w+)` \|", text.split("\n## ")[0], re.MULTILINE)
    assert sorted(described) == sorted(room for layer in layers for room in layer)


def rows_of_errors():
    """Return each section of the page of errors with its rows: name, when, what to do."""
    for section in DOCUMENTS["docs/errors.md"].split("\n## ")[1:]:
        for row in re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", section, re.MULTILINE):
            yield section.partition("\n")[0], *row


def test_every_error_is_in_the_page_of_errors_with_its_own_hint():
    public = [getattr(ltx_async, name) for name in ltx_async.__all__]
    errors = [one for one in public if isinstance(one, type) and issubclass(one, Exception)]
    groups = {ltx_async.LTXError, ltx_async.TransportError, ltx_async.FileError}
    named = {name: (section, hint) for section, name, _, hint in rows_of_errors()}
    assert set(named) == {error.__name__ for error in errors if error not in groups}
    for error in set(errors) - groups:
        section, hint = named[error.__name__]
        assert not error.default_hint or hint == error.default_hint
        assert error.ends_run == (section == "Mend it, then resume"), error


def test_outcomes_are_told_alike_in_the_readme_and_in_the_data_dictionary():
    table = re.compile(r"^\| outcome \|.*\n(?:\|.*\n)+", re.MULTILINE)
    assert table.findall(DOCUMENTS["README.md"]) == table.findall(DOCUMENTS["docs/data.md"])
