"""The contract suite's parameters: every case runs on each transport and each event loop."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from ltx_async import LTXClient, RetryPolicy
from ltx_async.emulator import Emulator

from .interrupted import Checks, emails, emulated
from .wire import Answer, WireServer

try:
    import uvloop
except ImportError:
    uvloop = None

TOKEN = "user:12345-abcdefghi"
FAST = RetryPolicy(base=0.001, cap=0.01, throttle_base=0.001)

Serve = Callable[..., Awaitable[WireServer]]
Connect = Callable[..., LTXClient]


def pytest_asyncio_loop_factories(config, item):
    """Run every asynchronous case on each event loop there is."""
    loops = {"asyncio": asyncio.new_event_loop}
    return loops if uvloop is None else loops | {"uvloop": uvloop.new_event_loop}


def pytest_collection_modifyitems(items):
    """Measure coverage on one event loop alone: on the other it would be of the same lines."""
    for item in items:
        if "uvloop" in item.name.rpartition("[")[2].split("-"):
            item.add_marker("untraced")


@pytest.fixture(params=["session", "direct"])
def transport(request) -> str:
    return request.param


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a `WireServer` that runs until the end of the test."""
    async with contextlib.AsyncExitStack() as servers:

        async def start(answer: Answer, **details) -> WireServer:
            return await servers.enter_async_context(WireServer(answer, **details))

        yield start


@pytest.fixture
async def connect(serve, transport) -> AsyncIterator[Connect]:
    """Make a client of a server or of a base URL; it is closed before the servers stop."""
    async with contextlib.AsyncExitStack() as clients:

        def make(server: WireServer | str, **options) -> LTXClient:
            base_url = server if isinstance(server, str) else server.base_url
            settings = {"transport": transport, "retry": FAST, "timeout": 5.0, **options}
            client = LTXClient(TOKEN, base_url=base_url, **settings)
            clients.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority) -> ssl.SSLContext:
    """The settings of a client that trusts `authority`."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="session")
def certified(authority) -> Callable[..., ssl.SSLContext]:
    """Make the settings of a server with a certificate, by default one that is right."""

    def make(*names: str, issuer: trustme.CA | None = None, **validity) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = names or ("127.0.0.1",)
        (issuer or authority).issue_cert(*names, **validity).configure_cert(context)
        return context

    return make


@pytest.fixture(scope="module")
def latency() -> float:
    """Seconds after which the emulator answers; some files have another."""
    return 0.0


@pytest.fixture(scope="module")
def emulator(latency: float) -> Iterator[Emulator]:
    """The API in a thread of its own, healthy."""
    with emulated(latency=latency) as running:
        yield running


@pytest.fixture
def addresses() -> list[bytes]:
    """The lines of an input; some files have fewer, or more."""
    return emails(200)


@pytest.fixture
def checks(
    tmp_path: Path, emulator: Emulator, latency: float, addresses: list[bytes]
) -> Iterator[Checks]:
    """Runs of `ltx-async check` over the input; the emulator is healthy again behind them."""
    made = Checks(tmp_path / "run", emulator, addresses)
    yield made
    made.kill_left_over()
    emulator.clear_scripts()
    emulator.latency = latency


@pytest.fixture
def slow_list(monkeypatch) -> SimpleNamespace:
    """Make a list of 3,000 accounts take more than 3 seconds to read, whatever the reply holds.

    It tells how many were `read`, and whether its reading has `ended`.
    """
    state = SimpleNamespace(read=0, ended=False)

    def members(_body: bytes) -> Iterator[tuple[str, bytes]]:
        try:
            for state.read in range(1, 3_001):
                time.sleep(0.001)
                yield f"{state.read}@example.com", b'{"maxJobs": 1}'
        finally:
            state.ended = True

    monkeypatch.setattr("ltx_async.codec.replies.members", members)
    return state
