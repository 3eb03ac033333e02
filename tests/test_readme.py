"""What the README and every other document print is what happens: `documents.py` says how."""

import contextlib
import csv
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
from documents import ELSEWHERE, Reader, Step, elsewhere, holds, own_commands, shell, steps
from looking_proxy import HOST, LookingProxy

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
IN_A_CLONE = {"CONTRIBUTING.md", "benchmarks/README.md", "docs/notebook.md"}
SCRIPTS = Path(sys.executable).parent
INLINE = re.compile(r"`(?:ltx-async )?([a-z]+(?= )|(?=--))([^`]*)`")
OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")


@pytest.fixture(scope="module")
def emulator():
    """An emulator in a thread of its own, with generated accounts and those of the documents."""
    accounts = dict(GeneratedAccounts(20, unhealthy=0))
    accounts |= json.loads((SAMPLES / "accounts.json").read_text("utf-8"))
    with Emulator(accounts) as running:
        yield running


@pytest.fixture
def service(emulator):
    return {"USEAPI_API": emulator.base_url, "USEAPI_TOKEN": emulator.token}


@pytest.fixture(scope="module")
def proxy(emulator):
    with LookingProxy(int(emulator.base_url.split(":")[2][:-3]), "user:password") as running:
        yield running


@pytest.fixture
def stand_ins(proxy, tmp_path):
    """What the documents name, and what stands for it here."""
    authority = tmp_path / "our-proxy.pem"
    proxy.authority.cert_pem.write_to_path(authority)
    few = "--sections comparison --only session,aiohttp-semaphore --lookups 20 --rounds 1"
    return {
        "@proxy.example.com:3128": f"@127.0.0.1:{proxy.port} USEAPI_API=https://{HOST}/v1",
        "/etc/ssl/our-proxy.pem": str(authority),
        "--metrics-port 9464": "--metrics-port 0",
        ".venv/bin/": f"{SCRIPTS}/",
        ".venv-bench/bin/": f"{SCRIPTS}/",
        "make ": "make --dry-run ",  # what each does has tests, or is the suite itself
        "run.py --quick": f"run.py --quick {few}",
        "run.py --json results.json": f"run.py {few} --json {tmp_path / 'few.json'}",
        "readme.py results.json": f"readme.py {tmp_path / 'few.json'}",
        "--sections scale": "--sections scale --quick",
    }


def of_the_readme(directory):
    lines = (directory / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["ok"] * 20
    assert len((directory / "everything.jsonl").read_text().splitlines()) == 1000


def of_operations(directory):
    assert (directory / "ltx" / "state").stat().st_mode & 0o777 == 0o600


def of_the_recipes(directory):
    with contextlib.closing(sqlite3.connect(directory / "results.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM lookups").fetchone() == (20,)
    with (directory / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 20

    assert len((directory / "results.jsonl").read_text().splitlines()) == 20
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


LEFT_BEHIND = {
    "README.md": of_the_readme,
    "docs/operations.md": of_operations,
    "docs/recipes.md": of_the_recipes,
}


@pytest.fixture
def at_hand(tmp_path):
    """What the readers of any document have at hand: emails, a token, results, a program."""
    emails = [f"user{number:06}@example.com" for number in range(1, 21)]
    (tmp_path / "emails.txt").write_text("\n".join([*emails, ""]))
    for name in ("emails.csv", "accounts.csv"):
        (tmp_path / name).write_text("\n".join(["login", *emails, ""]))
    shutil.copy(
        PROJECT / "tests" / "data" / "results" / "before.jsonl", tmp_path / "last-week.jsonl"
    )
    (tmp_path / "ltx").mkdir()
    token = tmp_path / "ltx" / "token"
    token.write_text("user:12345-abcdefghi\n")
    token.chmod(0o600)
    (tmp_path / "mail-me.sh").write_text("#!/bin/sh\ncat >> mailed\n")
    (tmp_path / "mail-me.sh").chmod(0o700)
    return tmp_path


@pytest.mark.parametrize("name", TO_RUN)
def test_a_document_does_what_it_says(name, service, webhook, stand_ins, at_hand):
    environment = os.environ | service | webhook | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
    reader = Reader(PROJECT if name in IN_A_CLONE else at_hand, environment, stand_ins)
    every = list(steps(DOCUMENTS[name]))
    try:
        for step in every:
            if not step.missing:
                reader.follow(step)
    finally:
        reader.leave()
    LEFT_BEHIND.get(name, Path.is_dir)(at_hand)
    if missing := {step.missing for step in every} - {None}:
        pytest.skip(f"all but what needs {', '.join(missing)}: not installed")


def test_what_is_shown_has_to_be_there_in_its_order():
    step = Step("console", "ltx-async get", ("first …", "^C", "  last"))
    holds(step, "first one\r\nanother\n\x1b[1m  last\x1b[0m\n")
    for other in ("first\n  last\n", "  last\nfirst one\n", "first one\n  last!\n"):
        with pytest.raises(AssertionError, match="does not show"):
            holds(step, other)


def options_of(name):
    command = commands.get_command(click.Context(commands), name)
    return {"-h", "--help"}.union(*(one.opts + one.secondary_opts for one in command.params))


COMMANDS = commands.list_commands(click.Context(commands))
EVERY_OPTION = {"--version", "-V"}.union(*map(options_of, COMMANDS))
BENCHMARK = (PROJECT / "benchmarks" / "run.py").read_text("utf-8")
FOREIGN = {"--init", "--group", "--write", *re.findall(r'"(--[a-z]+)"', BENCHMARK)}
"""Options of other programs that sentences name."""


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


def test_what_following_a_document_does_not_run_is_listed_with_who_runs_it():
    found = [one for name, text in DOCUMENTS.items() for one in elsewhere(name, text)]
    assert set(found) == set(ELSEWHERE)
    makefile = (PROJECT / "Makefile").read_text("utf-8").replace("\\\n\t\t", "")
    for line, where in ELSEWHERE.items():
        if where == "Makefile":
            for command in line.split(" && "):
                program = re.sub(r"^\S+=\S+ ", "", command).split()[0].rpartition("/")[2]
                options = OPTION.findall(command)
                assert program in makefile, command
                assert all(option in makefile for option in options), command
        elif not where.startswith("needs "):
            assert (PROJECT / where).is_file(), where


@pytest.mark.parametrize("name", {*DOCUMENTS} - {"CHANGELOG.md"})
def test_every_option_in_a_sentence_is_one_of_its_command(name):
    for first, rest in INLINE.findall(DOCUMENTS[name]):
        if first in COMMANDS or not first:
            known = options_of(first) if first else EVERY_OPTION | FOREIGN
            assert {*OPTION.findall(rest)} <= known, (first, rest)


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
