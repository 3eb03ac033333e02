"""Header fields that users add: on every request, on both transports alike, and no others."""

import pytest

from ltx_async import AttemptStarted, ConfigurationError, LTXClient, Outcome
from ltx_async.sync import LTXClient as SyncClient

from .conftest import TOKEN
from .replies import account_body, ok, reply
from .wire import in_turn

ANN = "ann@example.com"
LIST = reply(200, b"{}")
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Empty": ""}


def added(asked):
    """What a request carries beside the client's own fields."""
    own = {"host", "authorization", "accept", "accept-encoding", "user-agent"}
    names = [name for name, _ in asked.headers]
    assert own <= set(names)
    assert len(names) == len(set(names)), "a field came twice"
    return {name: value for name, value in asked.headers if name not in own}


async def test_the_same_fields_are_on_every_request_the_list_included(serve, connect):
    server = await serve(in_turn([reply(200, account_body(ANN))], [LIST]))
    client = connect(server, headers=TRACE)
    await client.fetch_account(ANN)
    await client.list_accounts()
    lower = {name.lower(): value for name, value in TRACE.items()}
    assert [added(asked) for asked in server.asked] == [lower, lower]


async def test_without_them_nothing_is_added(serve, connect):
    server = await serve(in_turn([reply(200, account_body(ANN))]))
    await connect(server).fetch_account(ANN)
    assert added(server.asked[0]) == {}


async def test_a_mapping_is_taken_as_it_was_when_the_client_was_made(serve, connect):
    server = await serve(ok)
    given = {"X-Id": "1"}
    client = connect(server, headers=given)
    given["X-Id"] = "2\r\nHost: evil"
    await client.fetch_account(ANN)
    assert added(server.asked[0]) == {"x-id": "1"}


async def test_a_function_is_asked_for_each_attempt_right_after_on_event(serve, connect):
    server = await serve(in_turn([reply(503)], [reply(200, account_body(ANN))], [LIST]))
    told = []

    def fields_of(attempt):
        told.append(attempt)
        return {"X-Attempt": str(attempt.attempt)} if attempt.email else {}

    client = connect(server, on_event=told.append, headers=fields_of)
    await client.fetch_account(ANN)
    await client.list_accounts()
    assert [added(asked) for asked in server.asked] == [{"x-attempt": "1"}, {"x-attempt": "2"}, {}]
    started = [(at, event) for at, event in enumerate(told) if isinstance(event, AttemptStarted)]
    assert len(started) == 6
    for (at, event), (following, fields) in zip(started[::2], started[1::2], strict=True):
        assert (following, fields) == (at + 1, event)


@pytest.mark.parametrize("count", [1, 40])
async def test_each_request_of_a_run_carries_its_own(serve, connect, count):
    server = await serve(ok)
    client = connect(server, headers=lambda attempt: {"X-For": attempt.email})
    lookups = await client.lookup_all(f"user{number}@example.com" for number in range(count))
    assert [lookup.outcome for lookup in lookups] == [Outcome.OK] * count
    assert all(added(asked) == {"x-for": asked.email} for asked in server.asked)
    assert server.requests == count


@pytest.mark.parametrize(
    "wrong", [None, "X-Id: 1", {"Authorization": "Bearer x"}, {"X-Id": "1\r\nHost: evil"}]
)
async def test_a_function_that_returns_what_cannot_be_sent_ends_the_call(serve, connect, wrong):
    server = await serve(ok)
    client = connect(server, headers=lambda _attempt: wrong)
    with pytest.raises(ConfigurationError, match="header"):
        await client.lookup(ANN)
    with pytest.raises(ConfigurationError, match="header"):
        await client.lookup_all([ANN, "bob@example.com"])
    with pytest.raises(ConfigurationError, match="header"):
        await client.list_accounts()
    assert server.requests == 0


async def test_what_the_function_raises_comes_out_and_the_slot_is_free_again(serve, connect):
    server = await serve(ok)
    faults = [KeyError("no trace")]

    def fields_of(_attempt):
        if faults:
            raise faults.pop()
        return {}

    client = connect(server, headers=fields_of, concurrency=1)
    with pytest.raises(KeyError, match="no trace"):
        await client.lookup(ANN)
    assert (await client.lookup(ANN)).outcome is Outcome.OK


async def test_a_coroutine_function_is_refused_and_what_it_gives_is_not_forgotten(serve, connect):
    async def fields_of(_attempt):
        return {}

    server = await serve(ok)
    with pytest.raises(ConfigurationError, match="headers must be a plain function"):
        connect(server, headers=fields_of)
    client = connect(server, headers=lambda attempt: fields_of(attempt))
    with pytest.raises(ConfigurationError, match="gives a coroutine"):
        await client.lookup(ANN)


@pytest.mark.parametrize("headers", [{"Host": "evil"}, {"X-Id": "a\n"}, [("X-Id", "1")], 7])
def test_a_mapping_that_cannot_be_sent_is_refused_at_once(headers, transport):
    with pytest.raises(ConfigurationError, match="header"):
        LTXClient(TOKEN, headers=headers, transport=transport)


async def test_the_client_that_waits_takes_them_through(serve, transport):
    import asyncio

    server = await serve(ok)

    def look_up():
        options = {"base_url": server.base_url, "transport": transport, "headers": TRACE}
        with SyncClient(TOKEN, **options) as client:
            return client.fetch_account(ANN)

    assert (await asyncio.to_thread(look_up)).email == ANN
    assert added(server.asked[0])["traceparent"] == TRACE["traceparent"]
