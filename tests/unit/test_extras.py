import json
import sys
from types import SimpleNamespace

import pytest

from ltx_async import extras
from ltx_async.extras import install_command

INDEX = None
CLONE = {"url": "file:///home/ann/my%20clone", "dir_info": {}}
EDITABLE = {"url": "file:///home/ann/clone", "dir_info": {"editable": True}}
GIT = {"url": "https://example.com/ltx.git", "vcs_info": {"vcs": "git", "commit_id": "0"}}
WHEEL = {"url": "file:///tmp/ltx_async-1-py3-none-any.whl", "archive_info": {}}


@pytest.fixture
def installed(monkeypatch):
    def place(origin, prefix="/home/ann/venv", *, pip=True):
        text = None if origin is None else json.dumps(origin)
        found = SimpleNamespace(read_text=lambda _name: text)
        clone = SimpleNamespace(read_text=lambda _name: None)  # its own record, found first
        monkeypatch.setattr("importlib.metadata.distributions", lambda name: [clone, found])
        monkeypatch.setattr(extras, "find_spec", lambda _name: found if pip else None)
        monkeypatch.setattr(sys, "prefix", prefix)
        monkeypatch.setattr(sys, "executable", f"{prefix}/bin/python")

    return place


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        (INDEX, "'ltx_async[report]'"),
        (CLONE, "'/home/ann/my clone[report]'"),
        (EDITABLE, "-e '/home/ann/clone[report]'"),
        (GIT, "'ltx_async[report] @ git+https://example.com/ltx.git'"),
        (WHEEL, "'ltx_async[report] @ file:///tmp/ltx_async-1-py3-none-any.whl'"),
    ],
)
def test_an_extra_comes_from_where_the_package_came_from(installed, origin, wanted):
    installed(origin)
    assert install_command("report") == f"/home/ann/venv/bin/python -m pip install {wanted}"


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        (
            "/home/ann/.local/share/pipx/venvs/ltx-async",
            "pipx runpip ltx-async install 'ltx_async[report]'",
        ),
        (
            "/home/ann/.local/uv/tools/ltx-async",
            "uv tool install --force 'ltx_async[report]'",
        ),
        ("/home/ann/.cache/uv/archive-v0/x1", "uvx --from 'ltx_async[report]' ltx-async"),
        (
            "/home/ann/a venv",
            "'/home/ann/a venv/bin/python' -m pip install 'ltx_async[report]'",
        ),
    ],
)
def test_an_extra_is_added_by_what_installed_the_package(installed, prefix, command):
    installed(INDEX, prefix)
    assert install_command("report") == command


def test_uvx_takes_no_editable_clone(installed):
    installed(EDITABLE, "/home/ann/.cache/uv/archive-v0/x1")
    assert install_command("cli") == "uvx --from '/home/ann/clone[cli]' ltx-async"


def test_an_environment_without_pip_is_served_by_uv(installed):
    installed(INDEX, pip=False)
    python = "/home/ann/venv/bin/python"
    assert install_command("cli") == f"uv pip install --python {python} 'ltx_async[cli]'"


def test_what_was_never_installed_is_taken_from_an_index(monkeypatch, installed):
    installed(INDEX)
    monkeypatch.setattr("importlib.metadata.distributions", lambda name: [])
    assert install_command("cli").endswith(" -m pip install 'ltx_async[cli]'")
