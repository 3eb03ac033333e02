"""The short cut for plain requests: what takes it, and that nobody can tell."""

import asyncio
import re
from unittest.mock import create_autospec

import pytest
from patience import LONG

from ltx_async.emulator import EXAMPLE_TOKEN, Close, Delay, Slow, Status
from ltx_async.emulator.connections import Connection, Connections
from ltx_async.emulator.plain import read_request

ANN = "/v1/ltxstudio/accounts/ann@example.com"
BOB = "/v1/ltxstudio/accounts/bob@example.com"
DETOUR = "Trailer: x\r\n"  # means nothing here, but is not plain


def head(path=ANN, *, token=EXAMPLE_TOKEN, more=""):
    return (
        f"GET {path} HTTP/1.1\r\nHost: example.com\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    ).encode()


async def exchange(emulator, *sent, replies=1):
    """Send all of `sent`, and return as many whole replies."""
    reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
    try:
        writer.writelines(sent)
        return [await one_reply(reader) for _ in range(replies)]
    finally:
        writer.close()


async def one_reply(reader):
    top = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", top)
    return top + await reader.readexactly(int(length[1]))


@pytest.fixture
def handed_over(emulator):
    """Count the connections that left the short cut."""
    return lambda: len(emulator._listener._web.connections)


# What takes it


LINE = b"GET /a@example.com HTTP/1.1\r\n"


def test_a_whole_get_without_a_body_is_plain_and_read_to_its_end():
    data = b"before" + LINE + b"Host: x\r\nX-Empty:\r\nAccept: \t a, b \r\n\r\nafter"

    request, end = read_request(data, len(b"before"))

    assert (request.method, request.target) == ("GET", "/a@example.com")
    assert dict(request.headers) == {"Host": "x", "X-Empty": "", "Accept": "a, b"}
    assert request.headers["ACCEPT"] == "a, b"
    assert data[end:] == b"after"


@pytest.mark.parametrize("said", ["keep-alive", "Keep-Alive"])
def test_a_connection_that_stays_is_plain(said):
    assert read_request(LINE + b"Connection: %s\r\n\r\n" % said.encode(), 0) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        LINE,
        LINE + b"Host: x\r\n",
        LINE + b"Host: x\r\n\r",
        b"POST / HTTP/1.1\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.11\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b" GET / HTTP/1.1\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\n\n",
        b"GET * HTTP/1.1\r\n\r\n",
        b"GET http://example.com/ HTTP/1.1\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\n\r\n",
        b"GET /a\x00b HTTP/1.1\r\n\r\n",
        LINE + b"Host : x\r\n\r\n",
        LINE + b" Host: x\r\n\r\n",
        LINE + b"Host\r\n\r\n",
        LINE + b": x\r\n\r\n",
        LINE + b"A: x\r\n folded\r\n\r\n",
        LINE + b"A: \x00\r\n\r\n",
        LINE + b"A: \xff\r\n\r\n",
        LINE + b"A: a\rb\r\n\r\n",
        LINE + b"A: a\nB: b\r\n\r\n",
        LINE + b"Content-Length: 0\r\n\r\n",
        LINE + b"content-length: 5\r\n\r\nhello",
        LINE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LINE + b"Expect: 100-continue\r\n\r\n",
        LINE + b"Upgrade: h2c\r\n\r\n",
        LINE + b"Connection: close\r\n\r\n",
        LINE + b"Connection: keep-alive, upgrade\r\n\r\n",
        LINE + b"Proxy-Connection: close\r\n\r\n",
        LINE + b"Host: x\r\nHOST: y\r\n\r\n",
        LINE + b"A: " + b"a" * 9_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_whatever_leaves_something_to_judge_is_not(data):
    assert read_request(data, 0) is None


# That nobody can tell


def without_date(reply):
    return re.sub(rb"Date: [^\r]+ GMT\r\n", b"Date\r\n", reply)


@pytest.mark.parametrize(
    ("path", "token", "step"),
    [
        (ANN, EXAMPLE_TOKEN, None),
        (BOB, EXAMPLE_TOKEN, None),
        (ANN + "?x=1", EXAMPLE_TOKEN, None),
        (ANN, "user:12345-other", None),
        (ANN + "x", EXAMPLE_TOKEN, None),
        ("/v1/nothing", EXAMPLE_TOKEN, None),
        *((ANN, EXAMPLE_TOKEN, Status(status)) for status in (200, 206, 401, 402, 404, 418, 429)),
        *((ANN, EXAMPLE_TOKEN, Status(status)) for status in (500, 503, 522, 530, 596, 599, 999)),
        (ANN, EXAMPLE_TOKEN, Status.html()),
        (ANN, EXAMPLE_TOKEN, Status(200, b"")),
        (ANN, EXAMPLE_TOKEN, Status(200, "é")),
        (ANN, EXAMPLE_TOKEN, Status(200, b" [1]")),
        (ANN, EXAMPLE_TOKEN, Status(301, b"")),
    ],
)
async def test_both_ways_give_the_same_bytes(emulator, handed_over, path, token, step):
    if step is not None:
        emulator.script(None, step, forever=True)

    (plain,) = await exchange(emulator, head(path, token=token))
    assert handed_over() == 0
    (detour,) = await exchange(emulator, head(path, token=token, more=DETOUR))
    assert emulator.connection_count == 2

    assert without_date(plain) == without_date(detour)
    first, second = emulator.requests
    assert (first.path, first.email, first.status) == (second.path, second.email, second.status)
    assert dict(first.headers) | {"Trailer": "x"} == dict(second.headers)


@pytest.mark.parametrize(
    "status", [Status(204), Status(304), Status(205), Status(200, headers={"A": "b"})]
)
async def test_a_status_with_rules_of_its_own_is_left_to_aiohttp(emulator, handed_over, status):
    emulator.script(None, status)
    reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
    writer.write(head())
    top = await reader.readuntil(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 %d " % status.status)
    assert handed_over() == 1
    writer.close()


async def test_requests_sent_at_once_are_answered_in_their_order(emulator):
    emulator.script("bob@example.com", Slow(0.02), Delay(0.02, 503))

    replies = await exchange(
        emulator, b"".join(map(head, (ANN, ANN, BOB, ANN, BOB, ANN + "x"))), replies=6
    )

    assert [int(reply[9:12]) for reply in replies] == [200, 200, 200, 200, 503, 404]
    assert [b"ann@example.com" in reply for reply in replies[:4]] == [True, True, False, True]
    assert [request.status for request in emulator.requests] == [200, 200, 200, 200, 503, 404]
    assert (emulator.request_count, emulator.connection_count) == (6, 1)


async def test_a_head_that_comes_in_pieces_is_answered(emulator):
    reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
    for piece in (head() + head()[:30], head()[30:90], head()[90:]):
        writer.write(piece)
        await asyncio.sleep(0.005)
    replies = [await one_reply(reader) for _ in range(2)]
    writer.close()

    assert without_date(replies[0]) == without_date(replies[1])
    assert (emulator.request_count, emulator.open_connections) == (2, 1)


async def test_what_is_no_http_is_refused_as_a_bad_request(emulator):
    (reply,) = await exchange(emulator, head()[:40] + b"\x00\r\n\r\n")

    assert reply.startswith(b"HTTP/1.0 400 ")
    assert emulator.request_count == 0


async def test_a_step_is_taken_once_whichever_way_it_is_delivered(emulator, raw_get):
    emulator.script(None, Close(b"a"), Close(b"b"), Close(b"c"))

    assert [await raw_get(), await raw_get()] == [b"a", b"b"]
    reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
    writer.write(head())
    assert await reader.read() == b"c"
    writer.close()


async def test_an_account_that_is_no_json_is_a_500_that_says_why_in_the_log(emulator, caplog):
    emulator.put({"email": "ann@example.com", "updated": object()})

    (reply,) = await exchange(emulator, head())

    assert reply.startswith(b"HTTP/1.1 500 ")
    assert "not JSON serializable" in caplog.text


async def test_a_client_that_leaves_before_the_delivery_leaves_nothing_behind(emulator):
    emulator.script(None, Slow(5))
    connection = Connection(emulator._decide, emulator._listener._web, Connections())
    transport = create_autospec(asyncio.Transport, instance=True)
    transport.get_extra_info.return_value = None
    connection.connection_made(transport)
    connection.data_received(head())

    connection.connection_lost(None)

    assert emulator._listener._web._decided == {}


@pytest.mark.parametrize("more", ["", DETOUR])
async def test_who_takes_no_replies_is_read_no_further(emulator, more):
    emulator.put({"email": "ann@example.com", "error": "x" * 10_000})
    reader, writer = await asyncio.open_connection(emulator.host, emulator.port)
    many = head(more=more) * 20_000  # 200 MB of replies
    writer.write(many)
    count = 0
    while not count or emulator.request_count > count:
        count = emulator.request_count
        await asyncio.sleep(0.3)  # nothing tells that no more is read but time

    assert count < 10_000
    async with asyncio.timeout(LONG):
        while emulator.request_count == count:
            await reader.read(100_000)
    writer.transport.abort()
