"""What is built and what is cleared away: the wheel holds the tracked modules, and no others."""

import email
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
STALE = ("ltx_async/gone.py", "ltx_async/cli/gone.py", "gone/__init__.py")


@pytest.fixture
def clone(tmp_path):
    """What a build reads, as a fresh clone has it."""
    for name in ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "Makefile"):
        shutil.copy(PROJECT / name, tmp_path)
    passed_over = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "ltx_async", tmp_path / "ltx_async", ignore=passed_over)
    return tmp_path


def put(directory, *names):
    for name in names:
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("STALE = True\n")


def run(*arguments, cwd, **environment):
    done = subprocess.run(
        arguments,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def build(clone, into="dist", **environment):
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index")
    options = ("--no-build-isolation", "--no-deps", "--wheel-dir", into)
    run(*pip, *options, ".", cwd=clone, **environment)
    (wheel,) = (clone / into).glob("*.whl")
    return wheel


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_a_wheel_holds_every_module_and_nothing_of_an_earlier_build(clone):
    put(clone / "build" / "lib", *STALE)
    put(clone / "ltx_async.egg-info", "SOURCES.txt")
    with zipfile.ZipFile(build(clone)) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == {
        str(file.relative_to(clone))
        for file in (clone / "ltx_async").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_a_wheel_says_what_the_package_is(clone):
    said = metadata(build(clone))
    assert said["Name"] == "ltx_async"
    assert said["License-Expression"] == "MIT"
    assert said["Requires-Python"] == ">=3.11"
    assert said.get_payload(decode=True).decode() == (clone / "README.md").read_text("utf-8")
    assert "Typing :: Typed" in said.get_all("Classifier")
    assert {*said.get_all("Provides-Extra")} == {"cli", "speed", "metrics", "report", "testing"}


def test_whoever_installs_the_package_has_its_command(clone):
    wheel = build(clone)
    always = [need for need in metadata(wheel).get_all("Requires-Dist") if ";" not in need]
    assert {"click", "rich"} <= {need.partition(">")[0].strip() for need in always}
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert b"ltx-async = ltx_async.__main__:main" in archive.read(name)


def test_a_wheel_is_the_same_to_the_byte_when_it_is_built_again(clone):
    first = build(clone, SOURCE_DATE_EPOCH="1767225600").read_bytes()
    for file in clone.rglob("*.py"):
        os.utime(file, (1, 1_500_000_000))
    assert build(clone, "again", SOURCE_DATE_EPOCH="1767225600").read_bytes() == first


def test_every_group_that_is_installed_by_name_exists():
    groups = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    for name in ("Makefile", ".ci/run", "CONTRIBUTING.md"):
        words = (PROJECT / name).read_text("utf-8").split()
        named = [after for word, after in pairwise(words) if word == "--group"]
        assert named, name
        assert {*named} <= {*groups}, name


def test_make_clean_leaves_only_what_a_clone_has(clone):
    before = {file for file in clone.rglob("*") if file.is_file()}
    put(
        clone, "build/lib/ltx_async/gone.py", "dist/ltx_async.whl", "ltx_async.egg-info/SOURCES.txt"
    )
    put(
        clone,
        ".venv/bin/python",
        ".nox/tests-3-12/x",
        ".venv-bench/ready",
        ".venv-external/python3/ready",
        ".coverage",
        ".coverage.host.1.x",
    )
    put(clone, ".mypy_cache/x", ".pytest_cache/x", ".ruff_cache/x", ".import_linter_cache/x")
    put(clone, ".hypothesis/x", ".benchmarks/x", "mutants/x", "ltx_async/__pycache__/x.pyc")
    run("make", "clean", cwd=clone)
    assert {file for file in clone.rglob("*") if file.is_file()} == before
