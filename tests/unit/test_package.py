"""The package's public face: what can be imported from it, and what importing it costs."""

import subprocess
import sys

import pytest

import ltx_async


@pytest.mark.parametrize("name", ltx_async.__all__)
def test_every_public_name_is_there_under_its_own_name(name):
    value = getattr(ltx_async, name)
    assert getattr(value, "__name__", name) == name
    assert dir(ltx_async).count(name) == 1


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Client'"):
        ltx_async.Client  # noqa: B018


def test_importing_it_loads_nothing_that_is_not_needed():
    code = "import sys, ltx_async; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"aiohttp", "cattrs", "click", "rich", "uvloop"} & set(done.stdout.split())


def test_using_the_client_loads_neither_command_line_nor_emulator():
    code = "import sys; from ltx_async import LTXClient; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"click", "rich", "uvloop", "ltx_async.cli", "ltx_async.emulator"} & loaded
