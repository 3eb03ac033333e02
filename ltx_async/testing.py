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

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiohttp import ClientResponse
from attrs import field, frozen
from yarl import URL

from ltx_async.client import BASE_URL_VARIABLE, TOKEN_VARIABLE, LTXClient
from ltx_async.codec import ACCOUNT_LIST, Request, account_target
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator
from ltx_async.extras import install_command
from ltx_async.retry import RetryPolicy
from ltx_async.transport import DEFAULT_BASE_URL

if TYPE_CHECKING or find_spec("aioresponses") is not None:
    from aioresponses import aioresponses

__all__ = ["MockedAPI", "MockedResponse", "ltx_client", "ltx_emulator", "ltx_mock"]


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


def _async_fixture(function: Callable[..., AsyncIterator[Any]]) -> Any:
    """Make a fixture of pytest-asyncio, or one that says that this is missing."""
    if find_spec("pytest_asyncio") is None:
        return pytest.fixture(name=function.__name__)(lambda: _needs("pytest-asyncio"))
    import pytest_asyncio  # noqa: PLC0415 - only this fixture needs it

    return pytest_asyncio.fixture(function)


@_async_fixture
async def ltx_client(ltx_emulator: Emulator) -> AsyncIterator[LTXClient]:
    """A client of `ltx_emulator` that repeats what fails without waiting, closed afterwards."""
    client = LTXClient(ltx_emulator.token, base_url=ltx_emulator.base_url, retry=QUICK)
    try:
        yield client
    finally:
        await client.aclose()


# Mocked replies


class MockedResponse(ClientResponse):
    """A `response_class` for aioresponses.

    Since aiohttp 3.14 a response needs a `stream_writer`, to tell how much was sent;
    aioresponses does not give it one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


@frozen
class MockedAPI:
    """The API as aioresponses mocks it; the direct transport is not mocked.

    Attributes:
        mock: for everything else that can be mocked and asserted.
        base_url: where the client believes to send its requests.
    """

    mock: aioresponses
    base_url: str = field(default=DEFAULT_BASE_URL, kw_only=True)

    def put(self, account: Mapping[str, Any], *, email: str | None = None) -> None:
        """Answer every lookup of `email`, or else of the account's own, with this account.

        Raises:
            InvalidEmailError: no client would ask for this email.
        """
        self.mock.get(
            self.url(account["email"] if email is None else email),
            payload=dict(account),
            repeat=True,
            response_class=MockedResponse,
        )

    def answer(self, email: str | None, status: int = 200, **reply: Any) -> None:
        """Answer the next lookup of `email`, or the next list call for None, otherwise.

        Args:
            email: whose lookup.
            status: of the answer.
            reply: `body`, `payload`, `headers`, `repeat`, `exception`, as aioresponses has them.

        Raises:
            InvalidEmailError: no client would ask for this email.
        """
        self.mock.get(self.url(email), status=status, response_class=MockedResponse, **reply)

    def url(self, email: str | None) -> URL:
        """Return the URL of a lookup, or of the list call for None, as the client sends it."""
        request: Request = ACCOUNT_LIST if email is None else account_target(email)
        return URL(f"{self.base_url}{request.target}", encoded=True)


@pytest.fixture
def ltx_mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockedAPI]:
    """The API mocked by aioresponses: `put` accounts, `answer` otherwise; nothing is sent."""
    if find_spec("aioresponses") is None:
        _needs("aioresponses")
    monkeypatch.setenv(BASE_URL_VARIABLE, DEFAULT_BASE_URL)
    monkeypatch.setenv(TOKEN_VARIABLE, EXAMPLE_TOKEN)
    with aioresponses() as mock:
        yield MockedAPI(mock)
