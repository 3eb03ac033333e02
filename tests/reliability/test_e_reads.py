"""Promise 32: reading a reply leaves the memory of the process as it is.

An allocation of hundreds of kilobytes for each read shows as page faults: the system maps the
block anew each time. The count is exact, where the time that it costs is not.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from .replies import ok

PROGRAM = Path(__file__).parent / "programs" / "page_faults.py"
LOOKUPS = 1000

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts Linux's page faults"),
    pytest.mark.asyncio(loop_factories=["asyncio"]),
]


@pytest.fixture
def start(serve, certified, authority, tmp_path):
    """Start a server; returns it and the file of the CA that it is known by."""

    async def start_one(scheme):
        if scheme == "http":
            return await serve(ok), ""
        pem = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(pem))
        context = certified()
        return await serve(ok, scheme=scheme, tls=lambda _connection: context), str(pem)

    return start_one


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_memory_is_mapped_for_each_read(start, transport, scheme, loop):
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    server, pem = await start(scheme)

    program = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAM, loop, server.base_url, transport, pem),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(program.communicate(), 60)

    assert program.returncode == 0
    assert int(said) < LOOKUPS * 0.9
