"""Promises 21 and 46: a reply about another email is not passed off as the answer."""

import aiohttp
import pytest

from ltx_async import DecodeError, LTXClient, Outcome, RetryPolicy

from .conftest import TOKEN
from .replies import account_body, ok, reply
from .wire import CLOSE, in_turn


@pytest.mark.parametrize(
    "other",
    ["bob@example.com", "ann@example.org", "", "ann@example.com ", "ann@example.\u212aom"],
)
async def test_another_email_in_the_reply_is_flagged(serve, connect, other):
    server = await serve(in_turn([reply(200, account_body(other))]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, DecodeError)
    assert lookup.account is None
    assert other not in str(lookup.error) or not other.strip()
    assert server.requests == server.connections == lookup.attempts == 2


async def test_an_email_that_only_unicode_folds_to_the_one_asked_for_is_another(serve, connect):
    server = await serve(in_turn([reply(200, account_body("\u212ate@example.com"))]))
    lookup = await connect(server).lookup("kate@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, DecodeError)


@pytest.mark.parametrize("same", ["ann@example.com", "Ann@Example.COM"])
async def test_the_same_email_in_another_case_is_the_answer(serve, connect, same):
    server = await serve(in_turn([reply(200, account_body(same))]))
    lookup = await connect(server).lookup("ann@example.com")
    assert (lookup.outcome, lookup.account.email) == (Outcome.OK, same)


async def test_replies_that_change_places_on_the_wire_are_flagged(serve, connect):
    """A server that answers each request with the account of another, however it is asked."""
    emails = [f"{number}@example.com" for number in range(20)]
    another = dict(zip(emails, [emails[-1], *emails], strict=False))

    def answer(asked):
        if asked.email not in another:  # the list, which settles that the emails are at fault
            return [reply(200, b"{}")]
        return [reply(200, account_body(another[asked.email]))]

    server = await serve(answer)
    lookups = await connect(server, concurrency=1).lookup_many(emails)
    assert all(isinstance(lookup.error, DecodeError) for lookup in lookups)
    assert len(lookups) == 20
    assert server.requests == server.connections == 41


async def test_an_account_of_another_email_is_asked_for_again_on_a_fresh_connection(serve, connect):
    """One reply too many in an early moment, and all that follow are those to the one before."""
    late: dict[int, bytes] = {}

    def answer(asked):
        mine = reply(200, account_body(asked.email))
        if asked.connection or asked.position < 3:
            return [mine]
        said = late.pop(asked.connection, reply(200, account_body("eve@example.com")))
        late[asked.connection] = mine
        return [said]

    server = await serve(answer)
    client = connect(server, concurrency=1, retry=RetryPolicy(attempts=1))
    emails = [f"{number}@example.com" for number in range(10)]
    lookups = await client.lookup_many(emails)
    assert [lookup.account.email for lookup in lookups] == emails
    assert [lookup.attempts for lookup in lookups] == [1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    assert (server.requests, server.connections) == (11, 2)
    assert server.asked[4].position == 0


async def test_whoever_shares_a_connection_that_is_out_of_step_is_asked_again(serve, connect):
    """Five at a time over connections of which each becomes one reply late."""
    late: dict[int, bytes] = {}

    def answer(asked):
        mine = reply(200, account_body(asked.email))
        if asked.connection > 4 or asked.position < 2:
            return [mine]
        said = late.pop(asked.connection, reply(200, account_body("eve@example.com")))
        late[asked.connection] = mine
        return [said]

    server = await serve(answer)
    emails = [f"{number}@example.com" for number in range(100)]
    lookups = await connect(server, concurrency=5).lookup_many(emails)
    assert [lookup.account.email for lookup in lookups] == emails
    assert max(lookup.attempts for lookup in lookups) == 2
    assert server.connections <= 10


async def test_after_a_kept_connection_that_died_one_out_of_step_is_replaced_too(serve, connect):
    """The first reply comes; then the connection dies; the next one brings another's account."""

    def answer(asked):
        if asked.number == 1:
            return [CLOSE]
        return [reply(200, account_body("eve@example.com"))] if asked.number == 2 else ok(asked)

    server = await serve(answer)
    client = connect(server, concurrency=1, retry=RetryPolicy(attempts=1))
    assert (await client.lookup("ann@example.com")).outcome is Outcome.OK
    lookup = await client.lookup("bob@example.com")
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 3)
    assert (server.requests, server.connections) == (4, 3)


async def test_over_a_borrowed_session_another_account_is_asked_for_again(serve):
    """Which of its connections it was is not known there."""

    def answer(asked):
        return ok(asked) if asked.number else [reply(200, account_body("eve@example.com"))]

    server = await serve(answer)
    async with aiohttp.ClientSession() as session:
        client = LTXClient(TOKEN, base_url=server.base_url, session=session)
        lookup = await client.lookup("ann@example.com")
        await client.aclose()
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 2)
