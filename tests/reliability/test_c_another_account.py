"""Promise 21: a reply about another email is not passed off as the answer."""

import pytest

from ltx_async import DecodeError, Outcome

from .replies import account_body, reply
from .wire import in_turn


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
    assert server.requests == 1


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
    """A server that answers each request with the account of the one before."""
    emails = [f"{number}@example.com" for number in range(20)]
    server = await serve(lambda asked: [reply(200, account_body(emails[asked.number - 1]))])
    lookups = await connect(server, concurrency=1).lookup_many(emails)
    assert all(isinstance(lookup.error, DecodeError) for lookup in lookups)
