"""An emulator to ask, and two ways of asking: an HTTP client, and a bare socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from ltx_async.emulator import EXAMPLE_TOKEN, Emulator

SAMPLES = Path(__file__).parent.parent / "data" / "samples"

Get = Callable[..., Awaitable[aiohttp.ClientResponse]]


@pytest.fixture
def sample() -> Callable[[str], dict]:
    def read(name: str) -> dict:
        return json.loads((SAMPLES / name).read_text(encoding="utf-8"))

    return read


@pytest.fixture
async def emulator(sample) -> AsyncIterator[Emulator]:
    accounts = [sample("account.json"), sample("account_needs_reauth.json")]
    async with Emulator(accounts) as emulator:
        yield emulator


@pytest.fixture
async def get(emulator) -> AsyncIterator[Get]:
    """Ask `emulator` for a lookup by percent-encoded email, or for another path, read whole."""
    async with aiohttp.ClientSession() as session:

        async def ask(email="ann@example.com", *, path=None, token=EXAMPLE_TOKEN, method="GET"):
            path = f"/ltxstudio/accounts/{email}" if path is None else path
            response = await session.request(
                method,
                aiohttp.client.URL(emulator.base_url + path, encoded=True),
                headers={"Authorization": f"Bearer {token}"},
                allow_redirects=False,
            )
            await response.read()
            return response

        yield ask


@pytest.fixture
def raw_get(emulator) -> Callable[..., Awaitable[bytes]]:
    """Send one lookup over a bare socket, and return every byte until the connection ends."""

    async def ask(email: str = "ann@example.com") -> bytes:
        reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
        try:
            writer.write(
                f"GET /v1/ltxstudio/accounts/{email} HTTP/1.1\r\nHost: example.com\r\n"
                f"Authorization: Bearer {EXAMPLE_TOKEN}\r\nConnection: close\r\n\r\n".encode()
            )
            return await reader.read()
        finally:
            writer.close()

    return ask
