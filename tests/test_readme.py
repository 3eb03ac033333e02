"""What the README and every other document print is what happens: `documents.py` says how."""

import contextlib
import csv
import json
import os
import re
import sqlite3
import sys
import tomllib
from pathlib import Path

import pytest
from documents import Reader, Step, holds, steps

import ltx_async
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


LEFT_BEHIND = {"README.md": of_the_readme, "docs/recipes.md": of_the_recipes}


@pytest.mark.parametrize("name", TO_RUN)
def test_a_document_does_what_it_says(name, service, tmp_path):
    emails = [f"user{number:06}@example.com" for number in range(1, 21)]
    (tmp_path / "emails.txt").write_text("\n".join([*emails, ""]))
    (tmp_path / "emails.csv").write_text("\n".join(["login", *emails, ""]))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    reader = Reader(tmp_path, os.environ | service | {"PATH": path})
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
