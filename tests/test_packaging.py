"""What is built and what is cleared away: the wheel holds the tracked modules, and no others."""

import shutil
import subprocess
import sys
import zipfile
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


def run(*arguments, cwd):
    done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_wheel_holds_every_module_and_nothing_of_an_earlier_build(clone):
    put(clone / "build" / "lib", *STALE)
    put(clone / "ltx_async.egg-info", "SOURCES.txt")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index")
    run(*pip, "--no-build-isolation", "--no-deps", "--wheel-dir", "dist", ".", cwd=clone)
    (wheel,) = (clone / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == {
        str(file.relative_to(clone))
        for file in (clone / "ltx_async").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_make_clean_leaves_only_what_a_clone_has(clone):
    before = {file for file in clone.rglob("*") if file.is_file()}
    put(
        clone, "build/lib/ltx_async/gone.py", "dist/ltx_async.whl", "ltx_async.egg-info/SOURCES.txt"
    )
    put(clone, ".venv/bin/python", ".venv-bench/ready", ".coverage", ".coverage.host.1.x")
    put(clone, ".mypy_cache/x", ".pytest_cache/x", ".ruff_cache/x", ".import_linter_cache/x")
    put(clone, ".hypothesis/x", ".benchmarks/x", "mutants/x", "ltx_async/__pycache__/x.pyc")
    run("make", "clean", cwd=clone)
    assert {file for file in clone.rglob("*") if file.is_file()} == before
