"""The package's public face: what can be imported from it, and what importing it costs."""

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import attrs
import pytest

import ltx_async

PACKAGE = Path(ltx_async.__file__).parent
PUBLIC_ROOMS = (
    "ltx_async",
    "ltx_async.emulator",
    "ltx_async.inputs",
    "ltx_async.results",
    "ltx_async.sync",
    "ltx_async.testing",
)
DOCS = PACKAGE.parent / "docs"
PUBLIC = [(room, name) for room in PUBLIC_ROOMS for name in import_module(room).__all__]
CLASSES = [
    value
    for room, name in PUBLIC
    if inspect.isclass(value := getattr(import_module(room), name))
    and name != "MockedResponse"  # aiohttp's annotations are not to be resolved
]
FOLDERS = sorted({module.parent for module in PACKAGE.rglob("*.py")})


@pytest.mark.parametrize("name", ltx_async.__all__)
def test_every_public_name_is_there_under_its_own_name(name):
    value = getattr(ltx_async, name)
    if inspect.isclass(value):  # from Python 3.14 on a union has a name, too
        assert value.__name__ == name


@pytest.mark.parametrize("room", PUBLIC_ROOMS)
def test_a_public_room_shows_its_public_names_and_no_others(room):
    module = import_module(room)
    assert len(set(module.__all__)) == len(module.__all__)
    assert sorted(dir(module)) == sorted(module.__all__)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Client'"):
        ltx_async.Client  # noqa: B018


def members(value):
    """What a class says by itself, not what attrs or a base gave it."""
    for name, member in vars(value).items():
        function = member.fget if isinstance(member, property) else inspect.unwrap(member)
        function = getattr(function, "__func__", function)
        if inspect.isfunction(function) and not name.startswith("_"):
            yield name, function


@pytest.mark.parametrize(("room", "name"), PUBLIC)
def test_everything_public_says_what_it_is(room, name):
    value = getattr(import_module(room), name)
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return
    assert value.__doc__
    if inspect.isclass(value):
        silent = {name for name, function in members(value) if not function.__doc__}
        assert not silent


def test_everything_public_is_documented():
    text = (DOCS / "python.md").read_text("utf-8")
    names = {name for _, name in PUBLIC} - {"__version__"}
    assert names - set(re.findall(r"\w+", text)) == set()
    public = (DOCS / "compatibility.md").read_text("utf-8").split("\n## What is public\n")[1]
    row = next(line for line in public.splitlines() if "__all__" in line)
    assert set(re.findall(r"`(ltx_async[\w.]*)`", row)) == set(PUBLIC_ROOMS)


@pytest.mark.parametrize("value", CLASSES)
def test_the_annotations_of_a_public_class_are_resolved_at_run_time(value):
    hints = get_type_hints(value)
    if attrs.has(value):
        assert set(hints) >= {field.name for field in attrs.fields(value)}
    else:
        get_type_hints(value.__init__)
    for _, function in members(value):
        get_type_hints(function)


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_a_folder_is_seen_at_a_glance(folder):
    modules = {module.stem for module in folder.glob("*.py")}
    assert len(modules - {"__init__", "__main__", "_version"}) <= 14


def test_importing_it_loads_nothing_that_is_not_needed():
    code = "import sys, ltx_async; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"aiohttp", "cattrs", "click", "rich", "uvloop"} & set(done.stdout.split())


def test_using_the_client_loads_neither_command_line_nor_emulator():
    code = "import sys; from ltx_async import LTXClient; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"click", "rich", "uvloop", "ltx_async.cli", "ltx_async.emulator"} & loaded
