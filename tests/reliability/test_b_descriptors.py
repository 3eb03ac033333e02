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
@pytest.mark.parametrize("limit", [8, 12, 15, 16, 19])
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


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("inherited", [0, 4])
async def test_the_fewest_descriptors_let_through_are_enough_even_for_sqlite(
    serve, tmp_path, inherited
):
    import resource

    server = await serve(ok)
    (tmp_path / "in.txt").write_text("ann@example.com\nbob@example.com\n")
    held = " ".join(f"{number}</dev/null" for number in range(3, 3 + inherited))

    def run(limit):
        return subprocess.run(
            ["sh", "-c", f'exec "$0" "$@" {held}', *command("check", "in.txt", "-o", "out.db")],
            check=False,
            cwd=tmp_path,
            env=surroundings(server.base_url),
            capture_output=True,
            timeout=20,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        )

    refused = await asyncio.to_thread(run, 19 + inherited)
    assert refused.returncode == 2
    assert f"may open {19 + inherited} files at most" in refused.stderr.decode()
    enough = await asyncio.to_thread(run, 20 + inherited)
    assert enough.returncode == 0, enough.stderr
    assert server.requests == 2
