"""Applications that mock aiohttp with aioresponses can test against us."""

import json
from pathlib import Path

import aiohttp
import pytest
from aioresponses import aioresponses

from ltx_async import AccountNotFoundError, AuthenticationError, LTXClient, Outcome, RetryPolicy
from ltx_async.testing import MockedResponse

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
TOKEN = "user:12345-abcdefghi"
ACCOUNTS = "https://api.useapi.net/v1/ltxstudio/accounts"
ACCOUNT = json.loads((SAMPLES / "account.json").read_text())
EMAIL = ACCOUNT["email"]
ANN = f"{ACCOUNTS}/{EMAIL}"


@pytest.fixture
def api():
    """Mock aiohttp; replies registered with `api.reply(url, …)` can be read."""
    with aioresponses() as mock:

        def reply(url, **details):
            mock.get(url, response_class=MockedResponse, **details)

        mock.reply = reply
        yield mock


@pytest.fixture
async def client():
    async with LTXClient(TOKEN, retry=RetryPolicy(base=0.001, throttle_base=0.001)) as client:
        yield client


async def test_an_account_is_looked_up(api, client):
    api.reply(ANN, payload=ACCOUNT)
    account = await client.fetch_account(EMAIL)
    assert account.to_wire(include_secrets=True) == ACCOUNT
    api.assert_called_once()


async def test_the_request_can_be_inspected(api, client):
    api.reply(ANN, payload=ACCOUNT)
    await client.lookup(EMAIL)
    ((key, (call,)),) = api.requests.items()
    assert key == ("GET", aiohttp.client.URL(ANN))
    assert call.kwargs["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert call.kwargs["allow_redirects"] is False
    assert call.kwargs["raise_for_status"] is False


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (404, "Account configuration not found for the specified email address.", "not_found"),
        (596, "", "needs_reauth"),
        (400, '{"error": "bad"}', "failed"),
        (200, "<html>", "failed"),
    ],
)
async def test_errors_are_results(api, client, status, body, outcome):
    api.reply(ANN, status=status, body=body)
    assert (await client.lookup(EMAIL)).outcome == outcome


async def test_errors_are_raised(api, client):
    api.reply(ANN, status=404, body="nobody")
    with pytest.raises(AccountNotFoundError, match="nobody"):
        await client.fetch_account(EMAIL)


async def test_a_sequence_of_replies_is_retried_through(api, client):
    api.reply(ANN, status=503, headers={"Retry-After": "0"})
    api.reply(ANN, status=429, payload={"error": "slow down", "retryAfter": 0})
    api.get(ANN, exception=aiohttp.ServerDisconnectedError())
    api.reply(ANN, payload=ACCOUNT)
    lookup = await client.lookup(EMAIL)
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 4)


@pytest.mark.parametrize(
    "exception",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientConnectionError("refused"),
        aiohttp.ClientPayloadError("cut"),
        TimeoutError(),
    ],
)
async def test_exceptions_of_aiohttp_become_ours(api, client, exception):
    api.get(ANN, exception=exception, repeat=True)
    lookup = await client.lookup(EMAIL)
    assert lookup.outcome is Outcome.FAILED
    assert lookup.attempts == 3
    assert lookup.error.__cause__ is None
    assert lookup.error.__context__ is None


async def test_the_list_is_mocked_too(api, client):
    api.reply(ACCOUNTS, body=(SAMPLES / "accounts.json").read_bytes())
    assert EMAIL in await client.list_accounts()


async def test_a_run_is_mocked_too(api, client):
    for number in range(30):
        email = f"user{number}@example.com"
        api.reply(f"{ACCOUNTS}/{email}", payload={**ACCOUNT, "email": email})
    lookups = await client.lookup_many(f"user{number}@example.com" for number in range(30))
    assert [lookup.outcome for lookup in lookups] == [Outcome.OK] * 30


async def test_a_refused_token_ends_a_run(api, client):
    api.reply(ANN, status=401, payload={"error": "Unauthorized", "code": 401}, repeat=True)
    with pytest.raises(AuthenticationError):
        await client.lookup_many([EMAIL] * 100)
    assert sum(len(calls) for calls in api.requests.values()) <= 20


async def test_a_borrowed_session_is_mocked_too(api):
    api.reply(ANN, payload=ACCOUNT)
    async with aiohttp.ClientSession() as session, LTXClient(TOKEN, session=session) as client:
        assert (await client.lookup(EMAIL)).outcome is Outcome.OK
