"""What the examples and recipes use of this package is public, and docs/python.md names it."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
DOCUMENT = (PROJECT / "docs" / "python.md").read_text("utf-8")
WORDS = set(re.findall(r"\w+", DOCUMENT))
PUBLIC = (
    "ltx_async",
    "ltx_async.emulator",
    "ltx_async.inputs",
    "ltx_async.results",
    "ltx_async.sync",
    "ltx_async.testing",
)
BLOCKS = re.compile(r"^```(?:python|py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {
    **{file.stem: file.read_text("utf-8") for file in sorted(PROJECT.glob("examples/*.py"))},
    **{
        f"{name} {number}": block
        for name in ("README.md", "docs/python.md")
        for number, block in enumerate(BLOCKS.findall((PROJECT / name).read_text("utf-8")))
    },
}


def classes():
    for module in map(importlib.import_module, PUBLIC):
        for name in module.__all__:
            if inspect.isclass(value := getattr(module, name)):
                yield value


OF_PYTHON = {name for value in (dict, list, set, str, bytes) for name in dir(value)}
MEMBERS = {
    name
    for value in classes()
    for name in {*dir(value), *inspect.get_annotations(value)} - OF_PYTHON
    if not name.startswith("_")
}
PARAMETERS = {
    name
    for value in classes()
    if value.__init__ is not object.__init__
    for name in inspect.signature(value.__init__).parameters
}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ltx_async"):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("ltx_async"):
                    yield alias.name, None


def used(tree):
    """Return the attributes and keywords that may be ours, by their name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in MEMBERS:
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg in PARAMETERS:
            yield node.arg


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_uses_only_what_is_public_and_documented(name):
    tree = ast.parse(PROGRAMS[name])
    for module, member in imported(tree):
        assert module in PUBLIC, f"{module} is not public"
        assert module in DOCUMENT, f"{module} is not in docs/python.md"
        if member is not None:
            assert member in importlib.import_module(module).__all__, f"{member} is not public"
            assert member in WORDS, f"{member} is not in docs/python.md"
    assert {*used(tree)} <= WORDS


def test_the_service_the_notebook_and_the_job_of_dask_are_looked_at():
    (dask,) = [name for name, program in PROGRAMS.items() if "map_partitions" in program]
    for name, names in (
        ("fastapi_app", {"LTXClient", "LTXError", "fetch_account", "lookup_many", "hint"}),
        ("notebook", {"LTXClient", "Emulator", "list_accounts", "token_balance", "outcome"}),
        (dask, {"LTXClient", "rate", "lookup_many", "to_row"}),
    ):
        tree = ast.parse(PROGRAMS[name])
        assert names <= {*used(tree)} | {member for _, member in imported(tree)}


def test_every_recipe_for_another_library_is_run_by_a_test():
    tests = "".join(file.read_text("utf-8") for file in PROJECT.glob("tests/external/*.py"))
    for file in PROJECT.glob("docs/*.md"):
        for heading, section in re.findall(
            r"^## (.*)\n((?:(?!^## ).*\n?)*)", file.read_text("utf-8"), re.MULTILINE
        ):
            if re.search(r"^```(?:py|sql)$", section, re.MULTILINE):
                assert f'"{file.name}", "{heading}"' in tests, heading
