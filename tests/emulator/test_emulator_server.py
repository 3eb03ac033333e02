"""Running, stopping, limits, and what it remembers."""

import asyncio
import gc
import socket
import ssl
import time
import warnings
from contextlib import suppress
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
import trustme
from patience import in_time

from ltx_async.emulator import Delay, Emulator, GeneratedAccounts
from ltx_async.emulator.exchange import Exchange, Listing
from ltx_async.emulator.journal import Journal, RecordedRequest
from ltx_async.emulator.rules import RateLimit

ANN = "ann@example.com"


async def test_the_base_url_is_known_once_it_runs():
    emulator = Emulator()
    with pytest.raises(RuntimeError, match="async with Emulator"):
        _ = emulator.base_url

    async with emulator:
        assert emulator.base_url == f"http://127.0.0.1:{emulator.port}/v1"
        assert emulator.port > 0
    assert Emulator(host="::1", port=8080).base_url == "http://[::1]:8080/v1"


@pytest.mark.parametrize("path", ["/ltxstudio/accounts", f"/ltxstudio/accounts/{ANN}", "/x"])
async def test_every_answer_tells_the_time(emulator, path):
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        async with session.get(f"{emulator.base_url}{path}", headers=headers) as response:
            told = parsedate_to_datetime(response.headers["Date"])
    assert abs(told.timestamp() - time.time()) < 5


async def test_a_client_that_leaves_in_the_middle_of_the_list_is_no_error(monkeypatch, caplog):
    def decide(emulator, _request):
        def pieces():
            yield b"{"
            for transport in emulator._connections.transports.values():
                transport.close()
            yield b"}"

        return Exchange(None, Listing(pieces()))

    monkeypatch.setattr(Emulator, "_decide", decide)
    async with Emulator() as emulator, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with session.get(f"{emulator.base_url}/ltxstudio/accounts") as response:
                await response.read()
    assert caplog.records == []


async def test_it_starts_again_on_the_same_port(emulator, get):
    port = emulator.port
    assert (await get()).status == 200
    await emulator.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await get()

    await emulator.start()

    assert emulator.port == port
    assert (await get()).status == 200


async def test_starting_twice_is_refused_and_stopping_twice_is_not(emulator):
    with pytest.raises(RuntimeError, match="running already"):
        await emulator.start()
    await emulator.stop()
    await emulator.stop()


async def test_a_taken_port_is_an_error_and_leaves_nothing_behind(emulator):
    other = Emulator(port=emulator.port)
    with pytest.raises(OSError, match=str(emulator.port)):
        await other.start()
    await other.stop()


@pytest.mark.parametrize("turns", range(5))
async def test_who_is_being_accepted_when_it_stops_is_cut_off_too(turns):
    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always")
        async with Emulator() as emulator:
            client = socket.create_connection((emulator.host, emulator.port))
            for _ in range(turns):
                await asyncio.sleep(0)
        gc.collect()
    with client:
        assert unclosed == []


async def test_stopping_is_quick_whatever_clients_are_doing():
    async with Emulator([{"email": ANN}]) as emulator:
        emulator.script(ANN, Delay(60))
        idle = await asyncio.open_connection(emulator.host, emulator.port)
        busy = await asyncio.open_connection(emulator.host, emulator.port)
        busy[1].write(b"GET /v1/ltxstudio/accounts/ann@example.com HTTP/1.1\r\nHost: x\r\n\r\n")
        while not emulator.in_flight:
            await asyncio.sleep(0)
        assert emulator.open_connections == 2
        started = time.monotonic()

    assert in_time(time.monotonic() - started, 1)
    assert (emulator.open_connections, emulator.in_flight) == (0, 0)
    for reader, writer in (idle, busy):
        assert await reader.read() == b""
        writer.close()


async def test_a_client_that_leaves_ends_its_request(emulator):
    emulator.script(ANN, Delay(60))
    _, writer = await asyncio.open_connection(emulator.host, emulator.port)
    writer.write(b"GET /v1/ltxstudio/accounts/ann@example.com HTTP/1.1\r\nHost: x\r\n\r\n")
    while not emulator.in_flight:
        await asyncio.sleep(0)
    writer.close()

    async with asyncio.timeout(1):
        while emulator.in_flight or emulator.open_connections:
            await asyncio.sleep(0)


@pytest.fixture(scope="module")
def tls():
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


async def test_it_serves_tls(tls):
    server, client = tls
    async with Emulator(ssl_context=server) as emulator, aiohttp.ClientSession() as session:
        assert emulator.base_url.startswith("https://")
        async with session.get(f"{emulator.base_url}/ltxstudio/accounts", ssl=client) as response:
            assert response.status == 401


async def test_latency_holds_every_answer_back(emulator, get):
    emulator.latency = 0.03
    started = time.monotonic()

    assert (await get()).status == 200
    assert time.monotonic() - started >= 0.03


async def test_stopping_does_not_wait_for_a_tls_client_that_no_longer_answers(tls):
    server, client = tls

    def connect(port):
        plain = socket.create_connection(("127.0.0.1", port))
        return client.wrap_socket(plain, server_hostname="127.0.0.1")

    async with Emulator(ssl_context=server) as emulator:
        silent = await asyncio.to_thread(connect, emulator.port)
        while not emulator.open_connections:
            await asyncio.sleep(0)
        started = time.monotonic()

    assert in_time(time.monotonic() - started, 1)
    assert emulator.open_connections == 0
    with socket.socket(fileno=silent.detach()) as plain, suppress(ConnectionResetError):
        plain.settimeout(1)
        while await asyncio.to_thread(plain.recv, 4_096):
            pass


@pytest.mark.parametrize(
    "settings", [{"latency": -1}, {"latency": float("nan")}, {"rate_limit": 0}]
)
def test_impossible_settings_are_refused_before_it_starts(settings):
    with pytest.raises(ValueError, match=r"latency|rate limit"):
        Emulator(**settings)


async def test_it_counts_requests_connections_and_what_runs_at_a_time(emulator, get):
    emulator.latency = 0.02

    await asyncio.gather(*(get() for _ in range(5)))
    await get("bob@example.com")
    await get(path="/ltxstudio/accounts")

    assert emulator.request_count == 7
    assert (emulator.count(ANN), emulator.count("bob@example.com")) == (5, 1)
    assert emulator.count("nobody@example.com") == 0
    assert (emulator.in_flight, emulator.peak_in_flight) == (0, 5)
    assert (emulator.open_connections, emulator.peak_connections) == (5, 5)
    assert emulator.connection_count == 5


async def test_it_records_what_it_was_asked(emulator, get):
    before = time.monotonic()
    await get("ann%40example.com")
    await get(path="/ltxstudio/accounts", method="POST")

    lookup, listing = emulator.requests
    assert (lookup.method, lookup.path) == ("GET", "/v1/ltxstudio/accounts/ann%40example.com")
    assert (lookup.email, lookup.status) == (ANN, 200)
    assert lookup.headers["authorization"] == f"Bearer {emulator.token}"
    assert before <= lookup.arrived <= listing.arrived <= time.monotonic()
    assert (listing.method, listing.email, listing.status) == ("POST", None, 405)


async def test_no_repr_shows_the_token(emulator, get):
    await get()

    assert emulator.token not in f"{emulator!r} {emulator.requests[0]!r}"


def recorded(email):
    return RecordedRequest("GET", "/", email, headers={}, status=200, arrived=0.0)


def test_the_journal_stays_small_and_never_guesses():
    journal = Journal(history=3)
    for number in range(10):
        journal.add(recorded(f"u{number}@example.com"))
    journal.add(recorded("u1@example.com"))

    assert journal.total == 11
    assert [request.email for request in journal.requests] == [
        "u8@example.com",
        "u9@example.com",
        "u1@example.com",
    ]
    assert journal.count("u1@example.com") == 2
    with pytest.raises(LookupError, match="raise history="):
        journal.count("u9@example.com")


# The rate limit


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_the_limit_lets_one_second_s_worth_through_at_once():
    limit = RateLimit(5, clock=Clock())

    assert [limit.take() for _ in range(5)] == [0.0] * 5
    assert limit.take() == pytest.approx(0.2)


def test_the_limit_refills_at_its_rate_and_never_above_one_second_s_worth():
    clock = Clock()
    limit = RateLimit(2, clock=clock)
    taken = [limit.take() for _ in range(3)]
    clock.now += 0.5
    taken += [limit.take(), limit.take()]
    clock.now += 60
    taken += [limit.take() for _ in range(3)]

    assert [wait == 0 for wait in taken] == [True, True, False, True, False, True, True, False]


def test_a_client_that_keeps_the_pace_is_never_throttled():
    clock = Clock()
    limit = RateLimit(0.5, clock=clock)

    for _ in range(100):
        assert limit.take() == 0
        clock.now += 2


async def test_over_the_limit_is_a_429_that_says_when(sample):
    async with Emulator(GeneratedAccounts(1), rate_limit=2) as emulator:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        url = f"{emulator.base_url}/ltxstudio/accounts/user000001@example.com"
        async with aiohttp.ClientSession(headers=headers) as session:
            answers = [await session.get(url) for _ in range(3)]
            body = await answers[2].json()

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "1"
    assert body == {"error": "Too Many Requests", "code": 429}


async def test_scripted_answers_do_not_count_against_the_limit():
    async with Emulator(GeneratedAccounts(1), rate_limit=1) as emulator:
        emulator.script(None, 503, 503)
        headers = {"Authorization": f"Bearer {emulator.token}"}
        url = f"{emulator.base_url}/ltxstudio/accounts/user000001@example.com"
        async with aiohttp.ClientSession(headers=headers) as session:
            answers = [await session.get(url) for _ in range(4)]

    assert [answer.status for answer in answers] == [503, 503, 200, 429]
