"""What the README and every other document print is what happens.

Python in them is run, and so is each `$` line of a `console` block, block by block, in one
directory for each document and against an emulator. What is not to be run stands in `sh` blocks.
"""

import contextlib
import csv
import functools
import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ltx_async.emulator import Emulator, GeneratedAccounts

PROJECT = Path(__file__).parent.parent
SAMPLES = PROJECT / "tests" / "data" / "samples"
DOCUMENTS = {
    str(document.relative_to(PROJECT)): document.read_text("utf-8")
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "benchmarks/*.md", "tests/**/*.md")
    for document in sorted(PROJECT.glob(pattern))
}
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def steps(text):
    """Return what a document has to run: the arguments of each program, in order."""
    for kind, block in BLOCK.findall(text):
        if kind == "python":
            yield [sys.executable, "-X", "dev", "-W", "error", "-c", block]
        else:
            for line in block.splitlines():
                if line.startswith("$ ") and not line.startswith("$ export"):
                    yield ["bash", "-c", f"set -o pipefail; {line.removeprefix('$ ')}"]


TO_RUN = [name for name, text in DOCUMENTS.items() if list(steps(text))]


@pytest.fixture(scope="module")
def service():
    """An emulator in a thread of its own, with generated accounts and those of the documents."""
    accounts = dict(GeneratedAccounts(20, unhealthy=0))
    accounts |= json.loads((SAMPLES / "accounts.json").read_text("utf-8"))
    with Emulator(accounts) as emulator:
        yield {"USEAPI_API": emulator.base_url, "USEAPI_TOKEN": emulator.token}


@pytest.fixture(scope="module")
def directory_of(service, tmp_path_factory):
    """Run a document, once, in a directory with inputs to try; return the directory."""

    @functools.cache
    def run(name):
        directory = tmp_path_factory.mktemp("document")
        emails = [f"user{number:06}@example.com" for number in range(1, 21)]
        (directory / "emails.txt").write_text("\n".join([*emails, ""]))
        (directory / "emails.csv").write_text("\n".join(["login", *emails, ""]))
        for step in steps(DOCUMENTS[name]):
            follow(step, service, directory)
        return directory

    return run


def follow(step, service, directory):
    environment = os.environ | service
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        step,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, step[-1]
    if step[0] == sys.executable:
        said = done.stderr.splitlines()
        complaints = [line for line in said if not line.startswith("Executing <")]  # a busy machine
        assert (done.returncode, complaints) == (0, []), step[-1]
        assert done.stdout, f"prints nothing:\n{step[-1]}"
    else:
        assert done.returncode in {0, 1, 141}, (step[-1], done.stderr)


@pytest.mark.parametrize("name", TO_RUN)
def test_a_document_does_what_it_says(name, directory_of):
    assert directory_of(name).is_dir()


def test_the_commands_of_the_readme_leave_results_that_are_readable(directory_of):
    directory = directory_of("README.md")
    lines = (directory / "results.jsonl").read_text().splitlines()
    assert {json.loads(line)["outcome"] for line in lines} == {"ok"}
    with contextlib.closing(sqlite3.connect(directory / "results.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM lookups").fetchone() == (20,)
    with (directory / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(lines) == 20
    assert len((directory / "everything.jsonl").read_text().splitlines()) == 22


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
