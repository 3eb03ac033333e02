"""Promise 34: a server that restarts costs nobody an answer, nor does a process that is stopped."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from ltx_async import Outcome, RetryPolicy
from ltx_async.retry import OutageRule

from .conftest import TOKEN
from .replies import ok
from .wire import Pause

PATIENT = OutageRule(patience=20, probe_base=0.02, probe_cap=0.05)
PROGRAM = Path(__file__).parent / "programs" / "stopped.py"


@pytest.mark.parametrize("concurrency", [1, 10])
@pytest.mark.parametrize("down", [0, 0.25])
async def test_a_server_that_restarts_in_mid_run_answers_every_email(
    serve, connect, concurrency, down
):
    server = await serve(lambda asked: [Pause(0.002), *ok(asked)])
    client = connect(server, concurrency=concurrency, retry=RetryPolicy(base=0.02), outage=PATIENT)
    run = asyncio.create_task(_all(client, 150))
    for _ in range(2):
        seen = server.requests
        while server.requests < seen + 50:
            await asyncio.sleep(0.002)
        await server.stop()
        await asyncio.sleep(down)
        await server.start()
    lookups = await asyncio.wait_for(run, 20)
    assert len(lookups) == 150
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)


async def _all(client, emails: int):
    return await client.lookup_many(f"{number}@example.com" for number in range(emails))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="signals of POSIX")
@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_process_that_was_stopped_times_nothing_out(serve, transport, loop):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    server = await serve(lambda asked: [Pause(0.2), *ok(asked)])
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAM, server.base_url, TOKEN, transport, loop),
        stdout=asyncio.subprocess.PIPE,
    )
    while server.requests < 20:
        await asyncio.sleep(0.01)
    program.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.6)
    program.send_signal(signal.SIGCONT)
    output, _ = await asyncio.wait_for(program.communicate(), 30)
    assert json.loads(output) == {"ok": 60, "attempts": 60}
