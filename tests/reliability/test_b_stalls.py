"""Promise 47: the event loop stands still for no reply, however large, whatever it holds."""

import asyncio
import gc
import json

import pytest
from patience import in_time

from ltx_async import Account, DecodeError, Outcome, RetryPolicy
from ltx_async.codec import Redaction, Reply, parse_account
from ltx_async.engine.lookup import lookup_of
from ltx_async.results import open_results
from ltx_async.transport.direct_connection import DirectConnection

from .conftest import TOKEN
from .replies import account_body, chunk, reply
from .stalls import longest_stall
from .wire import in_turn

MIB = 1 << 20
ECHO = b'"' + TOKEN.encode() + b" "
FILLED = account_body("ann@example.com", x=[])[:-2]  # to be filled, and then closed


def filled(what: bytes, size: int = MIB - 1024) -> bytes:
    """An account whose unknown field is a list of that, as long as may be."""
    return FILLED + b",".join([what] * (size // (len(what) + 1))) + b"]}"


def nested(depth: int) -> bytes:
    return filled(b"[" * depth + b"]" * depth)


BODIES = {
    "brackets without end": b"[" * (MIB - 1),
    "brackets in an account": FILLED + b"[" * (MIB - 1024),
    "empty lists": filled(b"[]"),
    "empty objects": filled(b"{}"),
    "lists as deep as may be": nested(90),
    "lists too deep": nested(200),
    "lists much too deep": nested(5000),
    "numbers": filled(b"1"),
    "numbers, one of them long": filled(b"1")[:-2] + b"," + b"9" * 19 + b"]}",
    "one long number": filled(b"9" * (MIB - 2048)),
    "strings": filled(b'""'),
    "a string of brackets": filled(b'"' + b"[" * (MIB - 2048) + b'"'),
    "quotes": FILLED + b'"' * (MIB - 1024),
    "escapes": filled(b'"' + rb"\u002d" * 100_000 + b'"'),
    "backslashes": filled(b'"' + b"\\\\" * 500_000 + b'"'),
    "percent signs": filled(b'"' + b"%25" * 300_000 + b'"'),
    "the token in a long string": filled(ECHO + b"a" * (MIB - 2048) + b'"'),
    "what is nearly the token": filled(ECHO + TOKEN[:-1].encode() * 50_000 + b'"'),
    "white space": b" " * (MIB - 2),
    "white space, then HTML": b" " * (MIB - 2) + b"<",
}


async def shortest_of_three(ask) -> float:
    """Measure three times, since a collection of garbage may fall into one of them."""
    stalls: list[float] = []
    for _ in range(3):
        async with longest_stall(stalls):
            await ask()
    return min(stalls)


@pytest.mark.untraced
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_hostile_account_stalls_nobody_for_50_ms(serve, connect, body, status):
    server = await serve(in_turn([reply(status, body)]))
    client = connect(server, retry=RetryPolicy(attempts=1))
    stall = await shortest_of_three(lambda: client.lookup("ann@example.com"))
    assert stall < 0.05


@pytest.mark.untraced
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("size", [60_000, 9_000])
async def test_many_short_replies_with_the_token_stall_nobody_in_a_row(
    serve, connect, status, size
):
    body = FILLED + ECHO + b'",' + b",".join([b'"%"'] * (size // 4)) + b"]}"
    server = await serve(in_turn([reply(status, body)]))
    client = connect(server, concurrency=20, retry=RetryPolicy(attempts=1))

    async def ask():
        await asyncio.gather(*(client.lookup("ann@example.com") for _ in range(20)))

    assert in_time(await shortest_of_three(ask), 0.15)


@pytest.mark.untraced
@pytest.mark.parametrize("name", [b"RateLimit-Policy", b"RateLimit"])
@pytest.mark.parametrize("policies", [b"1;w," * 1_900, b";" * 7_000, b"," * 7_000])
async def test_a_flood_of_stated_limits_stalls_nobody_for_50_ms(serve, connect, name, policies):
    fields = (name + b": " + policies + b"\r\n") * 110
    server = await serve(
        in_turn([b"HTTP/1.1 429 Busy\r\n" + fields + b"Content-Length: 2\r\n\r\n{}"])
    )

    async def ask():  # each time with a client that was not told to wait
        client = connect(server, retry=RetryPolicy(attempts=1, throttles=0))
        lookup = await client.lookup("ann@example.com", deadline=1)
        assert (lookup.outcome, lookup.attempts) == (Outcome.FAILED, 1)

    assert await shortest_of_three(ask) < 0.05


@pytest.mark.untraced
@pytest.mark.parametrize("size", [2, 16])
async def test_a_list_in_tiny_chunks_stalls_nobody_for_100_ms(serve, connect, size):
    chunks = chunk(b" " * size) * (3 * MIB // len(chunk(b" " * size)))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = await serve(in_turn([head + chunks + chunk(b"{}") + chunk(b"")]))
    client = connect(server, timeout=60, retry=RetryPolicy(attempts=1))
    assert in_time(await shortest_of_three(client.list_accounts), 0.1)


@pytest.mark.parametrize("transport", ["direct"])
async def test_a_body_that_comes_byte_by_byte_is_not_kept_so(serve, connect, monkeypatch):
    chunks = b"".join(chunk(b" ") for _ in range(200_000))
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    server = await serve(in_turn([answer + chunk(b"{}") + chunk(b"")]))
    kept, read = [], DirectConnection.buffer_updated

    def noted(connection, count):
        read(connection, count)
        kept.append(len(connection._body))

    monkeypatch.setattr(DirectConnection, "buffer_updated", noted)
    assert await connect(server).list_accounts() == {}
    assert len(kept) > 3
    assert set(kept) == {0}


def members(member: bytes, size: int = MIB - 1024) -> bytes:
    """As many members of an object as may be, each of another name."""
    text = b",".join(member % number for number in range(size // len(member % 0)))[:size]
    return text[: text.rindex(b",")]


START = FILLED[: FILLED.rindex(b'"x"')]
WRITTEN = {
    "short names": START + members(b'"%x":0') + b"}",
    "texts": START + members(b'"%x":"\\u00e9"') + b"}",
    "texts under names that look secret": START + members(b'"key %x":"x"') + b"}",
    "a long name": START + b'"' + b"aA" * (MIB // 2 - 1024) + b'":1}',
    "numbers": filled(b"1"),
    "a known field": START
    + b'"latestCreatedAtMs":{'
    + members(b'"%x":0')
    + b',"LTXStudio_token":1}}',
}


@pytest.mark.untraced
@pytest.mark.parametrize("form", ["jsonl", "sqlite"])
@pytest.mark.parametrize("body", WRITTEN.values(), ids=WRITTEN.keys())
async def test_a_hostile_account_that_is_written_stalls_nobody_for_50_ms(tmp_path, form, body):
    account = parse_account(Reply(200, {}, body), "ann@example.com", Redaction.of(TOKEN))
    assert isinstance(account, Account)
    lookup = lookup_of(None, 0, "ann@example.com", account, attempts=1, status=200, elapsed=0.1)
    async with open_results(tmp_path / f"out.{form}") as out:
        stall = await shortest_of_three(lambda: out.write(lookup))
    assert stall < 0.05


def listed(count: int, **fields) -> bytes:
    accounts = {f"{n}@example.com": {"email": f"{n}@example.com", **fields} for n in range(count)}
    return json.dumps(accounts, ensure_ascii=False).encode()


TYPICAL = {
    "cookie": {"lt_id": "user123", "lt_token": "…secured…", "lt_refresh_token": "…secured…"},
    "maxJobs": 20,
    "updatedUTC": "2025-06-03T12:13:14.000Z",
    "tokenExpireUTC": "2025-07-03T12:13:14.000Z",
    "refreshTokenExpireUTC": "2025-09-03T12:13:14.000Z",
}


OBJECTS = b"{" + b",".join(b'"%d":{}' % number for number in range(1_000_000)) + b"}"
LISTS = {
    "an array": b"[" + b"[]," * 5_000_000 + b"[]]",
    "one account of 8 MiB": b'{"a@example.com": {"x": [' + b"[]," * 3_000_000 + b"[]]}}",
    "objects that are no accounts": OBJECTS,
    "white space": b" " * (8 * MIB),
    "an object that ends too soon": OBJECTS[:-1],
}


@pytest.mark.untraced
@pytest.mark.parametrize("body", LISTS.values(), ids=LISTS.keys())
async def test_a_hostile_list_stalls_nobody_for_100_ms(serve, connect, body):
    server = await serve(in_turn([reply(200, body)]))
    client = connect(server, timeout=60, retry=RetryPolicy(attempts=1))

    async def ask():
        with pytest.raises(DecodeError):
            await client.list_accounts()

    assert in_time(await shortest_of_three(ask), 0.1)


@pytest.mark.untraced
async def test_a_list_of_100_000_accounts_stalls_nobody_for_100_ms(serve, connect):
    server = await serve(in_turn([reply(200, listed(100_000, **TYPICAL))]))
    client = connect(server, timeout=60)
    kept = []

    async def ask():
        kept.clear()
        kept.append(await client.list_accounts())

    gc.collect()
    gc.freeze()  # what the tests themselves hold would be looked through as well
    try:
        assert in_time(await shortest_of_three(ask), 0.1)
    finally:
        gc.unfreeze()
    assert len(kept[0]) == 100_000
    assert kept[0]["7@example.com"].to_wire()["maxJobs"] == 20
