"""The table of promises names tests that exist, for every promise."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
FILE = re.compile(r"`([a-z0-9_/]+)`: ((?:`test_[a-z0-9_]+`(?:, )?)+)")


def promises() -> dict[int, dict[str, list[str]]]:
    """The files and tests of each promise."""
    table = (HERE / "README.md").read_text(encoding="utf-8")
    return {
        int(number): {name: re.findall(r"`(\w+)`", tests) for name, tests in FILE.findall(cell)}
        for number, _, cell in ROW.findall(table)
    }


def defined_in(name: str) -> set[str]:
    path = (HERE.parent if "/" in name else HERE) / f"{name}.py"
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in nodes if isinstance(node, functions)}


def test_every_promise_has_a_row():
    numbers = [int(number) for number, _, _ in ROW.findall((HERE / "README.md").read_text("utf-8"))]
    assert numbers == sorted(set(numbers))
    assert set(numbers) >= set(range(1, 48))


@pytest.mark.parametrize("number", promises())
def test_every_test_that_the_table_names_exists(number):
    named = promises()[number]
    assert named
    for name, tests in named.items():
        assert set(tests) - defined_in(name) == set()


def test_nothing_in_the_table_is_overlooked():
    """A name that the pattern of this file cannot read would be checked by nobody."""
    table = (HERE / "README.md").read_text(encoding="utf-8")
    read = {test for files in promises().values() for tests in files.values() for test in tests}
    assert set(re.findall(r"`(test_\w+)`[,; ]", table)) - read <= {
        path.stem for path in HERE.glob("test_*.py")
    }
