"""schemathesis asks the emulator for whatever its OpenAPI description allows, and more."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from ltx_async.emulator import EXAMPLE_TOKEN, Emulator, GeneratedAccounts

DESCRIPTION = Path(__file__).parents[1] / "openapi.yaml"


@pytest.fixture
def schemathesis():
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("the package schemathesis is not installed")
    return [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]


@pytest.mark.parametrize("accounts", [0, 50])
def test_the_emulator_answers_as_its_description_says(schemathesis, tmp_path, accounts):
    with Emulator(GeneratedAccounts(accounts), empty_list_status=404) as emulator:
        origin = emulator.base_url.removesuffix("/v1")  # /v2/account is beside it
        arguments = ["run", str(DESCRIPTION), "--url", origin, "--no-color"]
        arguments += ["--header", f"Authorization: Bearer {EXAMPLE_TOKEN}", "--seed", "7"]
        arguments += ["--checks", "all", "--max-examples", "30"]
        ended = subprocess.run(
            [*schemathesis, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        asked = emulator.request_count
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    assert asked > 50
