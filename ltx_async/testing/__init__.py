"""Test an application that uses `ltx_async`: pytest fixtures, and replies for aioresponses.

Put one line into the test module, or into the topmost `conftest.py`:

    pytest_plugins = ["ltx_async.testing"]

    async def test_an_account_is_found(ltx_emulator, ltx_client):
        ltx_emulator.put({"email": "ann@example.com", "balance": {"LTXStudio_token": 150}})
        account = await ltx_client.fetch_account("ann@example.com")
        assert account.token_balance == 150

With `ltx_emulator` a real server answers over real sockets, in a thread of its own, so that
synchronous code and other processes can ask it too. With `ltx_mock` nothing is sent at all.
Either way the environment names it, so that the application's own `LTXClient()` finds it.

Needs the extra `testing`: pytest, pytest-asyncio and aioresponses. The word after this keeps
pytest from warning when a test module also imports something from here: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import pytest

from ltx_async.client import BASE_URL_VARIABLE, TOKEN_VARIABLE, LTXClient
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator
from ltx_async.events import AttemptStarted
from ltx_async.extras import install_command
from ltx_async.retry import RetryPolicy
from ltx_async.testing.closing import Closing
from ltx_async.testing.mocked import MOCKED_BASE_URL, MockedAPI, MockedResponse
from ltx_async.testing.values import account, lookup

if TYPE_CHECKING or find_spec("aioresponses") is not None:
    from aioresponses import aioresponses

__all__ = [
    "MockedAPI",
    "MockedResponse",
    "account",
    "lookup",
    "ltx_client",
    "ltx_emulator",
    "ltx_mock",
]


def __dir__() -> list[str]:
    return __all__


QUICK: Final = RetryPolicy(base=0.001, throttle_base=0.001)
"""As many attempts as usual, without the waits between them."""


def _needs(package: str) -> None:
    pytest.fail(f"{package} is missing; do: {install_command('testing')}", pytrace=False)


# A server


@pytest.fixture
def ltx_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator without accounts; `put`, `remove` and `script` say what it answers.

    USEAPI_API and USEAPI_TOKEN lead to it for as long as the test lasts.
    """
    with Emulator() as emulator:
        monkeypatch.setenv(BASE_URL_VARIABLE, emulator.base_url)
        monkeypatch.setenv(TOKEN_VARIABLE, emulator.token)
        yield emulator


# A client


@pytest.fixture
def ltx_client(ltx_emulator: Emulator) -> Iterator[LTXClient]:
    """A client of `ltx_emulator` that repeats what fails without waiting, closed afterwards."""
    closing = Closing()
    closing.client = LTXClient(
        ltx_emulator.token,
        base_url=ltx_emulator.base_url,
        retry=QUICK,
        on_event=closing,
        events={AttemptStarted},
    )
    yield closing.client
    closing.close()


# Mocked replies


@pytest.fixture
def ltx_mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockedAPI]:
    """The API mocked by aioresponses: `put` accounts, `answer` otherwise; nothing is sent."""
    if find_spec("aioresponses") is None:
        _needs("aioresponses")
    monkeypatch.setenv(BASE_URL_VARIABLE, MOCKED_BASE_URL)
    monkeypatch.setenv(TOKEN_VARIABLE, EXAMPLE_TOKEN)
    with aioresponses() as mock:
        yield MockedAPI(mock)
