"""The API as aioresponses mocks it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from aiohttp import ClientResponse
from attrs import field, frozen
from yarl import URL

from ltx_async.codec import ACCOUNT_LIST, Request, account_target
from ltx_async.errors import ConfigurationError
from ltx_async.models import WIRE_NAMES, Account

if TYPE_CHECKING or find_spec("aioresponses") is not None:
    from aioresponses import aioresponses
    from aioresponses.core import RequestMatch

MOCKED_BASE_URL: Final = "https://ltx-mock.invalid/v1"
"""No host of this name can exist (RFC 6761 6.4): what is not mocked reaches nobody."""


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
    """The API as aioresponses mocks it; the direct transport is not mocked, and reaches nobody.

    Attributes:
        mock: for everything else that can be mocked and asserted.
        base_url: where the client believes to send its requests; no such host can exist.
    """

    mock: aioresponses
    base_url: str = field(default=MOCKED_BASE_URL, kw_only=True)
    _accounts: dict[str, dict[str, Any]] = field(init=False, factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        self.mock.match = partial(self._match, self.mock.match)  # type: ignore[method-assign]

    def put(self, account: Mapping[str, Any] | Account, *, email: str | None = None) -> None:
        """Answer every lookup of `email`, or else of the account's own, with this account.

        It is in the list too. `answer` goes first.

        Raises:
            InvalidEmailError: no client would ask for this email.
        """
        wire = dict(account) if isinstance(account, Mapping) else _wire_of(account)
        name = wire["email"] if email is None else email
        account_target(name)
        self._accounts[name] = wire

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

    async def _match(
        self,
        answered: Callable[..., Awaitable[ClientResponse | None]],
        method: str,
        url: URL,
        **details: Any,
    ) -> Any:
        """Return the reply of `answer`, else that of `put`; refuse any other request to the API."""
        response = await answered(method, url, **details)
        if response is not None or not str(url).startswith(self.base_url):
            return response
        email = unquote(str(url).partition(ACCOUNT_LIST.target)[2][1:])
        payload = self._accounts.get(email) if email else _listed(self._accounts)
        if not payload:
            who = email or "the list"
            raise ConfigurationError(
                f"nothing is mocked for {who}",
                hint="Before the call: ltx_mock.put(account), or ltx_mock.answer(email, 404); "
                "None in place of the email is the list.",
            )
        found = RequestMatch(url, payload=payload, response_class=MockedResponse)
        return await found.build_response(url, **details)


def _wire_of(account: Account) -> dict[str, Any]:
    return account.to_wire(include_secrets=True)


def _listed(accounts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the list of accounts as the API has it: without what is told of one alone."""
    alone = {WIRE_NAMES["balance"], WIRE_NAMES["latest_created_at_ms"]}
    return {
        email: {name: value for name, value in wire.items() if name not in alone}
        for email, wire in accounts.items()
    }
