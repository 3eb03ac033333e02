"""Promise 18, the second half: without file descriptors concurrency drops and nobody fails."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from .conftest import TOKEN
from .replies import ok
from .wire import Pause

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="setrlimit is POSIX")
PROGRAM = Path(__file__).parent / "programs" / "few_descriptors.py"


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_out_of_descriptors_no_lookup_fails_and_one_warning_is_given(serve, transport, loop):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    server = await serve(lambda asked: [Pause(0.05), *ok(asked)])
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAM, server.base_url, TOKEN, transport, loop),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(program.communicate(), 30)
    report = json.loads(output)
    assert program.returncode == 0
    assert report["outcomes"] == {"ok": 400}
    assert report["warnings"] == 1
    assert 1 < report["concurrency"] < 64
    assert server.peak < 64
    assert server.requests == 400
