"""Each way of the page Install, as a stranger goes it: its own lines, in a clean home and clone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "install.md").read_text("utf-8")
WAYS = {
    heading: block.splitlines()
    for heading, block in re.findall(
        r"^## (\w+)\n\n```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    )
}
COPIED = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "Makefile")
HERE = Path(sys.executable).parent


@pytest.fixture
def shell(tmp_path):
    """Run a line where nobody has installed anything yet."""
    clone, home = tmp_path / "clone", tmp_path / "home"
    clone.mkdir()
    (home / ".local" / "bin").mkdir(parents=True)
    for name in COPIED:
        shutil.copy(PROJECT / name, clone)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "ltx_async", clone / "ltx_async", ignore=ignored)
    tools = tmp_path / "tools"  # the installers alone, not what is installed here
    tools.mkdir()
    for name in ("uv", "uvx", "pipx"):
        if (HERE / name).exists():
            (tools / name).symlink_to(HERE / name)
    python = Path(sys.base_prefix) / "bin"
    path = [home / ".local" / "bin", tools, python, "/usr/bin", "/bin"]
    trusted = {"SSL_CERT_FILE": os.environ["PIP_CERT"]} if "PIP_CERT" in os.environ else {}
    environment = {
        **trusted,
        **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
        "HOME": str(home),
        "PATH": ":".join(map(str, path)),
        "UV_PYTHON": str(python / f"python3.{sys.version_info.minor}"),
        "PIPX_DEFAULT_PYTHON": str(python / f"python3.{sys.version_info.minor}"),
    }

    def run(line):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    return run


# CI itself begins with these two.
@pytest.mark.soak
def test_a_contributor_has_all_tools_after_the_lines_without_make(shell):
    text = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
    lines = text.split("Without make:\n\n```sh\n")[1].splitlines()[:3]
    assert lines[0] == "python3 -m venv .venv"
    assert lines[2].startswith(".venv/bin/pip install --editable ")
    for line in lines:
        shell(line)
    for tool in ("ruff", "mypy", "basedpyright", "lint-imports", "ltx-async"):
        shell(f".venv/bin/{tool} --help")
    shell(".venv/bin/python -m pytest --version")


def test_the_page_has_the_ways_that_are_tried_here():
    assert set(WAYS) == {"make", "pip", "uv", "pipx"}


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=pytest.mark.soak) if way == "make" else way for way in WAYS]
)
def test_a_stranger_installs_it_and_sees_the_demonstration(shell, way):
    tool = {"uv": "uv", "pipx": "pipx"}.get(way)
    if tool and not (HERE / tool).exists():
        pytest.skip(f"{tool} is not installed")
    for line in WAYS[way]:
        said = shell(line)
        if "demo" in line:
            assert "demo-results.jsonl" in said, line
