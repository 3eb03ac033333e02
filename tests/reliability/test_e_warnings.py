"""Promise 35: no warning of any kind, even where Python is asked for all of them."""

import asyncio
import sys
from pathlib import Path

import pytest

from .conftest import TOKEN
from .replies import error, ok
from .wire import HANG, Pause

PROGRAM = Path(__file__).parent / "programs" / "quiet.py"
SCENES = [
    "normal",
    "exception",
    "cancel",
    "never_entered",
    "never_used",
    "double_close",
    "two_loops",
    "left_early",
    "timeout",
    "run_ended",
]


def answer(asked):
    if "hang" in asked.email:
        return [HANG]
    return [error(401)] if "refused" in asked.email else [Pause(0.002), *ok(asked)]


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_no_warning_of_any_kind_in_development_mode(serve, transport, loop):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    server = await serve(answer)

    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", PROGRAM),
        *(server.base_url, TOKEN, transport, loop, *SCENES),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,  # so that a warning stands at its scene
    )
    said, _ = await asyncio.wait_for(program.communicate(), 60)
    assert said.decode().splitlines() == [*SCENES, "done"]
    assert program.returncode == 0
