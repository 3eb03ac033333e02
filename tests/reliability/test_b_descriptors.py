"""Promise 18, the second half: without file descriptors concurrency drops and nobody fails."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import TOKEN
from .replies import ok
from .shell import command, surroundings
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


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("limit", [8, 12, 15])
async def test_too_few_descriptors_to_begin_with_are_told(serve, tmp_path, limit):
    import resource

    server = await serve(ok)
    ended = await asyncio.to_thread(
        subprocess.run,
        command("get", "ann@example.com"),
        cwd=tmp_path,
        env=surroundings(server.base_url),
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )
    assert ended.returncode == 2
    assert ended.stderr.decode() == (
        f"error: this process may open {limit} files at most. Raise that: ulimit -n 1024\n"
    )
    assert server.requests == 0
