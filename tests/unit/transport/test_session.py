"""A session borrowed from its owner, and the one of our own; over real sockets."""

import asyncio
import contextlib

import aiohttp
import pytest

from ltx_async.client import LTXClient
from ltx_async.emulator import EXAMPLE_TOKEN, Close, Delay, Emulator, Status
from ltx_async.errors import (
    AccountNotFoundError,
    AttemptTimeoutError,
    AuthenticationError,
    ConfigurationError,
    ProtocolError,
)
from ltx_async.models import Outcome
from ltx_async.transport import session as session_transport
from unit.scripted import EMAIL, policy

BOB = "bob@example.com"


@pytest.fixture
async def emulator():
    async with Emulator([{"email": EMAIL, "maxJobs": 3}, {"email": BOB, "maxJobs": 4}]) as emulator:
        yield emulator


@pytest.fixture
async def make(emulator):
    """Make clients of the emulator, closed at the end."""
    async with contextlib.AsyncExitStack() as clients:

        def make(session=None, **options):
            options = {"retry": policy(base=0.001), "timeout": 5.0, **options}
            client = LTXClient(
                EXAMPLE_TOKEN, base_url=emulator.base_url, session=session, **options
            )
            clients.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


# Borrowed


async def test_a_borrowed_session_is_used_and_never_closed(make, session, emulator):
    async with make(session) as client:
        assert (await client.fetch_account(EMAIL)).max_jobs == 3
        assert len(await client.lookup_many([EMAIL, BOB])) == 2
        assert set(await client.list_accounts()) == {EMAIL, BOB}
    assert not session.closed
    async with session.get(f"{emulator.base_url}/nowhere") as response:
        assert response.status
    assert emulator.connection_count <= 2


async def test_raise_for_status_set_on_a_borrowed_session_does_no_harm(make, emulator):
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        client = make(session)
        assert (await client.lookup("nobody@example.com")).outcome is Outcome.NOT_FOUND
        emulator.script(EMAIL, 401, 503, 503)
        with pytest.raises(AuthenticationError):
            await client.fetch_account(EMAIL)
        assert (await client.lookup(EMAIL)).attempts == 3
        emulator.script_list(404)
        with pytest.raises(AccountNotFoundError):
            await client.list_accounts()


async def test_a_function_as_raise_for_status_is_not_called(make):
    async def fail(_response):
        raise NotImplementedError

    async with aiohttp.ClientSession(raise_for_status=fail) as session:
        assert (await make(session).lookup("nobody@example.com")).outcome is Outcome.NOT_FOUND


async def test_a_closed_borrowed_session_is_a_configuration_error(make, session):
    client = make(session)
    await client.fetch_account(EMAIL)
    await session.close()
    for use in (client.lookup, client.fetch_account):
        with pytest.raises(ConfigurationError, match="borrowed session is closed"):
            await use(EMAIL)
    with pytest.raises(ConfigurationError, match="borrowed session is closed"):
        await client.list_accounts()
    with pytest.raises(ConfigurationError, match="borrowed session is closed"):
        await client.lookup_many([EMAIL] * 100)


async def test_a_borrowed_session_that_its_owner_closes_in_mid_run_ends_the_run(make, session):
    client, seen = make(session, concurrency=2), []

    async def run():
        async with client.lookup_many([EMAIL] * 1000) as lookups:
            async for lookup in lookups:
                seen.append(lookup.outcome)
                if len(seen) == 5:
                    await session.close()

    with pytest.raises(ConfigurationError, match="borrowed session is closed"):
        await run()
    assert set(seen) == {Outcome.OK}


async def test_our_token_goes_out_whatever_the_session_s_own_headers_are(make, emulator):
    headers = {"Authorization": "Bearer somebody-else", "Accept": "text/html", "X-Trace": "7"}
    async with aiohttp.ClientSession(headers=headers) as session:
        assert (await make(session).lookup(EMAIL)).outcome is Outcome.OK
    sent = emulator.requests[-1].headers
    assert sent.getall("Authorization") == [f"Bearer {EXAMPLE_TOKEN}"]
    assert sent.getall("Accept") == ["application/json"]
    assert sent["X-Trace"] == "7"


async def test_the_token_does_not_stay_with_a_borrowed_session(make, session, emulator):
    await make(session).lookup(EMAIL)
    async with session.get(f"{emulator.base_url}/nowhere"):
        assert "Authorization" not in emulator.requests[-1].headers
    assert "Authorization" not in session.headers


async def test_what_somebody_sends_with_the_session_of_our_own_has_no_token(make, emulator):
    client = make(transport="session")
    await client.lookup(EMAIL)
    sent = emulator.requests[-1].headers
    assert sent.getall("Authorization") == [f"Bearer {EXAMPLE_TOKEN}"]
    own = client._shared.transport._own
    assert EXAMPLE_TOKEN not in repr([*own.headers.items()])
    async with own.get(f"{emulator.base_url}/nowhere"):
        others = emulator.requests[-1].headers
    assert "Authorization" not in others
    assert others["User-Agent"] == sent["User-Agent"]


async def test_the_cookies_of_a_borrowed_session_are_its_owner_s(make, emulator):
    async with aiohttp.ClientSession(
        cookies={"theirs": "1"}, cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as session:
        await make(session).lookup(EMAIL)
    assert emulator.requests[-1].headers["Cookie"] == "theirs=1"


async def test_timeouts_of_a_borrowed_session_do_not_bound_an_attempt_but_ours_do(make, emulator):
    emulator.script(EMAIL, Delay(0.1), Delay(5))
    impatient = aiohttp.ClientTimeout(total=0.01, sock_read=0.01)
    async with aiohttp.ClientSession(timeout=impatient) as session:
        client = make(session, retry=policy(attempts=1))
        assert (await client.lookup(EMAIL)).outcome is Outcome.OK
        lookup = await client.lookup(EMAIL, timeout=0.05)
        assert type(lookup.error) is AttemptTimeoutError


async def test_middlewares_of_a_borrowed_session_cannot_repeat_a_request(make, emulator):
    async def repeat(request, handler):
        await handler(request)
        return await handler(request)

    async with aiohttp.ClientSession(middlewares=(repeat,)) as session:
        assert (await make(session).lookup(EMAIL)).outcome is Outcome.OK
    assert emulator.count(EMAIL) == 1


async def test_a_base_url_of_the_session_does_not_lead_the_token_elsewhere(make, emulator):
    async with aiohttp.ClientSession("http://192.0.2.1/") as session:
        assert (await make(session).lookup("a/b@example.com")).outcome is Outcome.NOT_FOUND
    assert emulator.requests[-1].path == "/v1/ltxstudio/accounts/a%2Fb@example.com"


async def test_a_small_pool_of_its_owner_bounds_the_sockets(make, emulator):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2)) as session:
        lookups = await make(session, concurrency=20).lookup_many([EMAIL] * 50)
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert emulator.peak_connections <= 2


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_lost_reused_connection_of_a_borrowed_session_is_an_ordinary_error(
    make, session, emulator, attempts
):
    client = make(session, retry=policy(attempts=attempts, base=0.001))
    assert (await client.lookup(BOB)).outcome is Outcome.OK
    emulator.script(EMAIL, Close(), forever=True)
    lookup = await client.lookup(EMAIL)
    assert type(lookup.error) is ProtocolError
    assert lookup.attempts == emulator.count(EMAIL) == attempts


async def test_cancelling_leaves_a_borrowed_session_usable(make, session, emulator):
    emulator.script(EMAIL, Delay(5))
    client = make(session)
    task = asyncio.create_task(client.lookup(EMAIL))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await client.lookup(EMAIL)).outcome is Outcome.OK


async def test_redirects_are_not_followed_on_a_borrowed_session_either(make, session, emulator):
    emulator.script(EMAIL, Status(302, headers={"Location": f"{emulator.base_url}/elsewhere"}))
    lookup = await make(session).lookup(EMAIL)
    assert lookup.status == 302
    assert emulator.request_count == 1


# Our own


@pytest.fixture
def opened(monkeypatch):
    """The sessions that were opened by us, in the order of their opening."""
    sessions = []

    open_session = session_transport.open_session

    def noted(*args):
        sessions.append(open_session(*args))
        return sessions[-1]

    monkeypatch.setattr(session_transport, "open_session", noted)
    return sessions


async def test_the_session_opens_with_the_first_request_and_closes_with_the_client(
    make, emulator, opened
):
    client = make()
    async with client:
        await client.lookup("no email")
        assert opened == []
        await client.lookup(EMAIL)
        assert [session.closed for session in opened] == [False]
        await client.lookup(EMAIL)
    assert [session.closed for session in opened] == [True]
    assert emulator.connection_count == 1


async def test_a_lost_reused_connection_of_our_own_is_replaced_once(make, emulator):
    client = make(retry=policy(attempts=1))
    assert (await client.lookup(BOB)).outcome is Outcome.OK
    emulator.script(EMAIL, Close())
    lookup = await client.lookup(EMAIL)
    assert lookup.outcome is Outcome.OK
    assert lookup.attempts == emulator.count(EMAIL) == 2


@pytest.mark.parametrize("transport", ["session", "direct"])
async def test_closing_while_requests_are_in_flight_tells_everybody(make, emulator, transport):
    client = make(concurrency=2, transport=transport)
    await client.lookup_many([BOB, BOB])
    emulator.latency = 5.0
    tasks = [asyncio.create_task(client.lookup(EMAIL)) for _ in range(5)]
    await asyncio.sleep(0.02)
    await client.aclose()
    _, hanging = await asyncio.wait(tasks, timeout=0.5)
    for task in hanging:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} == {ConfigurationError}
    assert emulator.count(EMAIL) == 2


async def test_closing_while_requests_are_in_flight_opens_no_second_session(make, emulator, opened):
    client = make(concurrency=2)
    await client.lookup(BOB)
    emulator.latency = 5.0
    tasks = [asyncio.create_task(client.lookup(EMAIL)) for _ in range(5)]
    await asyncio.sleep(0.02)
    await client.aclose()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [session.closed for session in opened] == [True]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # aiohttp advises against auth=
async def test_a_borrowed_session_with_credentials_of_its_own_is_refused_at_once():
    async with aiohttp.ClientSession(auth=aiohttp.BasicAuth("ann", "x")) as session:
        with pytest.raises(ConfigurationError, match="credentials of its own"):
            LTXClient(EXAMPLE_TOKEN, session=session)


def test_what_is_no_session_of_aiohttp_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="must be a ClientSession of aiohttp, not object"):
        LTXClient(EXAMPLE_TOKEN, session=object())


@pytest.mark.parametrize("transport", ["session", "direct"])
async def test_closing_is_told_alike_whatever_the_transport(make, emulator, transport):
    client = make(retry=policy(attempts=1), transport=transport)
    emulator.latency = 5.0
    task = asyncio.create_task(client.lookup(EMAIL))
    while not emulator.request_count:
        await asyncio.sleep(0.005)
    await client.aclose()
    with pytest.raises(ConfigurationError):
        await task


async def test_a_lost_connection_of_a_borrowed_session_is_never_replaced(make, emulator, session):
    own, borrowed = make(), make(session, retry=policy(attempts=1))
    for client in (own, own, borrowed):  # in one task, whose context knows of a reused connection
        await client.lookup(EMAIL)
    emulator.script(EMAIL, Close())
    assert (await borrowed.lookup(EMAIL)).attempts == 1
