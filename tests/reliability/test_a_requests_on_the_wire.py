"""Promises 1, 2 and 10: exactly so many requests, on no more connections than allowed."""

import asyncio

import pytest

from ltx_async import ConnectError, Outcome, ProtocolError, RetryPolicy, ServerError
from ltx_async.transport import direct, pool

from .conftest import TOKEN
from .replies import account_body, error, head, ok, reply
from .wire import CLOSE, RESET, Pause, in_turn

TRUNCATED = [head(200, ("Content-Length", "100")) + b'{"email": "ann@', CLOSE]
FAILURES = {
    "always 503": ([error(503)], ServerError),
    "close without a reply": ([CLOSE], ProtocolError),
    "reset": ([RESET], ProtocolError),
    "truncated reply": (TRUNCATED, ProtocolError),
    "reset in the body": ([head(200, ("Content-Length", "9")), b"{", RESET], ProtocolError),
    "half a status line": ([b"HTTP/1.1 20", CLOSE], ProtocolError),
}
each_failure = pytest.mark.parametrize(
    ("script", "error_class"), FAILURES.values(), ids=FAILURES.keys()
)


@pytest.mark.parametrize("attempts", [1, 2, 3])
@each_failure
async def test_attempts_are_exact(serve, connect, script, error_class, attempts):
    server = await serve(in_turn(script))
    client = connect(server, retry=RetryPolicy(attempts=attempts, base=0.001))
    lookup = await client.lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, error_class)
    assert server.requests == lookup.attempts == attempts


@pytest.mark.parametrize("attempts", [1, 3])
@each_failure
async def test_attempts_are_exact_on_a_reused_connection(
    serve, connect, script, error_class, attempts
):
    server = await serve(lambda asked: ok(asked) if asked.number == 0 else script)
    client = connect(server, retry=RetryPolicy(attempts=attempts, base=0.001))
    assert (await client.lookup("bob@example.com")).outcome is Outcome.OK
    lookup = await client.lookup("ann@example.com")
    assert type(lookup.error) is error_class
    assert [asked.connection for asked in server.asked[:2]] == [0, 0]
    # A kept-alive connection that died before any byte of the reply is replaced once.
    replaced = script[0] in {CLOSE, RESET}
    assert server.times_asked("ann@example.com") == lookup.attempts == attempts + replaced


async def test_the_request_is_what_the_api_wants_and_nothing_else(serve, connect):
    server = await serve(ok)
    await connect(server, user_agent="ours/1").lookup("ann+x@example.com")
    (asked,) = server.asked
    assert asked.line == "GET /v1/ltxstudio/accounts/ann%2Bx@example.com HTTP/1.1"
    headers = dict(asked.headers)
    assert len(headers) == len(asked.headers)
    assert headers.pop("host") == f"127.0.0.1:{server.port}"
    assert headers == {
        "authorization": f"Bearer {TOKEN}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "ours/1",
    }
    assert not server.stray


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_a_connection_closed_between_lookups_costs_no_visible_error(serve, connect, end):
    server = await serve(lambda asked: [*ok(asked), end])
    client = connect(server)
    for number in range(10):
        lookup = await client.lookup(f"{number}@example.com")
        assert lookup.outcome is Outcome.OK
        await asyncio.sleep(0.002)
    assert server.requests == server.connections == 10


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_a_connection_closed_as_the_request_comes_costs_one_extra_request(
    serve, connect, end
):
    server = await serve(lambda asked: [end] if asked.position else ok(asked))
    client = connect(server, retry=RetryPolicy(attempts=1, budget=0))
    for number in range(10):
        lookup = await client.lookup(f"{number}@example.com")
        assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 1 if number == 0 else 2)
    assert server.requests == 1 + 9 * 2


async def test_no_answer_is_asked_for_twice_in_a_run_of_dying_connections(serve, connect):
    """A run over connections that each carry three replies and then end."""
    server = await serve(lambda asked: [*ok(asked), *([CLOSE] if asked.position == 2 else [])])
    emails = [f"{number}@example.com" for number in range(300)]
    lookups = await connect(server, concurrency=8).lookup_many(emails)
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    # Some requests went to a connection that was closed already: nobody read those.
    assert server.requests == 300 <= sum(lookup.attempts for lookup in lookups) <= 400


async def test_a_reply_that_says_close_is_obeyed(serve, connect):
    server = await serve(
        lambda asked: [reply(200, account_body(asked.email), ("Connection", "close"))]
    )
    client = connect(server)
    for number in range(3):
        assert (await client.lookup(f"{number}@example.com")).attempts == 1
    assert server.requests == server.connections == 3


@pytest.mark.parametrize("concurrency", [1, 5])
async def test_there_are_never_more_sockets_than_concurrency(serve, connect, concurrency):
    server = await serve(lambda asked: [*ok(asked), *([CLOSE] if asked.number % 3 == 0 else [])])
    emails = [f"{number}@example.com" for number in range(200)]
    lookups = await connect(server, concurrency=concurrency).lookup_many(emails)
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert server.peak <= concurrency
    assert server.busiest <= concurrency


async def test_lookups_beside_a_run_share_its_sockets(serve, connect):
    server = await serve(ok)
    client = connect(server, concurrency=4)
    emails = [f"{number}@example.com" for number in range(50)]
    await asyncio.gather(client.lookup_many(emails), *map(client.lookup, emails))
    assert server.requests == 100
    assert server.peak <= 4


async def test_a_thousand_sequential_lookups_use_at_most_two_connections(serve, connect):
    server = await serve(ok)
    client = connect(server)
    for number in range(1000):
        assert (await client.lookup(f"{number}@example.com")).outcome is Outcome.OK
    assert server.requests == 1000
    assert server.connections <= 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again(serve, connect, monkeypatch):
    for module in (direct, pool):
        monkeypatch.setattr(module, "KEPT_FOR", 0.0)
    server = await serve(ok)
    client = connect(server)
    for number in range(3):
        assert (await client.lookup(f"{number}@example.com")).outcome is Outcome.OK
        await asyncio.sleep(0.001)  # the clock of uvloop has whole milliseconds
    assert (server.requests, server.connections) == (3, 3)


async def test_tls_handshakes_are_no_more_than_connections(serve, connect, certified, trusting):
    context = certified()
    server = await serve(ok, tls=lambda _connection: context, scheme="https")
    emails = [f"{number}@example.com" for number in range(100)]
    lookups = await connect(server, concurrency=4, ssl=trusting).lookup_many(emails)
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert server.requests == 100
    assert server.handshakes == server.connections <= 4


async def test_connections_outlive_errors_that_were_read_to_their_end(serve, connect):
    server = await serve(in_turn([error(404)], [error(500)], [error(503)], [error(403)]))
    client = connect(server, retry=RetryPolicy(attempts=1))
    for number in range(4):
        await client.lookup(f"{number}@example.com")
    assert (server.requests, server.connections) == (4, 1)


@pytest.mark.parametrize("end", [CLOSE, RESET])
async def test_many_connections_closed_as_requests_come_cost_one_extra_request_each(
    serve, connect, end
):
    """Five idle connections, of which none takes a second request."""
    server = await serve(lambda asked: [end] if asked.position else [Pause(0.02), *ok(asked)])
    client = connect(server, concurrency=5, retry=RetryPolicy(attempts=1, budget=0))
    emails = [f"{number}@example.com" for number in range(5)]
    assert len(await client.lookup_many(emails)) == server.connections == 5
    for number in range(5, 10):
        lookup = await client.lookup(f"{number}@example.com")
        assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 2)


async def test_a_connection_closed_in_a_busy_run_holds_nobody_up(serve, connect):
    """The pool of connections is used up, and most of them are idle for moments only."""
    dying = {100, 101, 400}
    server = await serve(
        lambda asked: (
            [CLOSE]
            if asked.number in dying and asked.position
            else [Pause((0, 0, 0.001, 0.003)[asked.number % 4]), *ok(asked)]
        )
    )
    client = connect(server, concurrency=20, timeout=20.0, retry=RetryPolicy(attempts=1, budget=0))
    lookups = await client.lookup_many(f"{number}@example.com" for number in range(2_000))
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert server.requests == 2_000 + len(dying)
    assert max(lookup.elapsed for lookup in lookups) < 10.0
    assert server.peak <= 20


async def test_a_connection_that_lives_is_used_where_no_new_one_can_be_made(serve, connect):
    server = await serve(lambda asked: [CLOSE] if asked.number == 2 else [Pause(0.05), *ok(asked)])
    client = connect(server, concurrency=2, retry=RetryPolicy(attempts=1, budget=0))
    await asyncio.gather(client.lookup("0@example.com"), client.lookup("1@example.com"))
    await server.refuse()
    lost = await client.lookup("2@example.com")
    assert (server.connections, type(lost.error)) == (2, ConnectError)
    for number in range(3, 6):
        assert (await client.lookup(f"{number}@example.com")).outcome is Outcome.OK
    assert (server.connections, server.requests) == (2, 6)
