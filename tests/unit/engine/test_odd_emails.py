"""Emails that get no reply among others that do: they end failed, and stop nobody else."""

import asyncio

import pytest

from ltx_async.errors import AttemptTimeoutError, ServerError, ServiceUnavailableError
from ltx_async.models import Outcome
from unit.scripted import HANGS, After, ScriptedTransport, client_over, emails, policy, refused
from unit.virtual_time import in_virtual_time, now, passes

from .test_retry_loop_of_a_run import outcomes, run_of

SILENCES = {"522": 522, "522 after 10 s": After(10, 522), "hangs": HANGS}


def odd(count):
    return [f"odd{n}@example.com" for n in range(count)]


def odd_ones_get(step):
    return lambda email, _n: step if email.startswith("odd") else After(0.05, 200)


def assert_only_the_odd_ones_failed(delivered, good, bad):
    assert {email for email in delivered if email.startswith("user")} == set(emails(good))
    for email, lookup in delivered.items():
        failed = email.startswith("odd")
        assert lookup.outcome is (Outcome.FAILED if failed else Outcome.OK), email
    assert len(delivered) == good + bad


PLACES = {
    "in front": lambda bad, good: [*bad, *good],
    "in the middle": lambda bad, good: [*good[:100], *bad, *good[100:]],
    "at the end": lambda bad, good: [*good, *bad],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize(
    ("concurrency", "bad"),
    [(1, 2), (1, 3), (1, 30), (2, 7), (20, 40), (20, 41), (20, 100), (50, 99)],
)
@in_virtual_time
async def test_any_number_of_odd_neighbours_stops_nobody(silence, concurrency, bad, place):
    transport = ScriptedTransport(odd_ones_get(SILENCES[silence]))
    client = client_over(transport, concurrency=concurrency)
    addresses = PLACES[place](odd(bad), emails(200))
    delivered, reason, stats = await run_of(client, addresses)
    assert reason is None
    assert_only_the_odd_ones_failed(delivered, 200, bad)
    assert stats.requests <= 200 + 2 * 3 * bad + 40


@pytest.mark.parametrize("silence", SILENCES)
@in_virtual_time
async def test_odd_neighbours_stop_nobody_in_input_order_either(silence):
    transport = ScriptedTransport(odd_ones_get(SILENCES[silence]))
    client = client_over(transport, concurrency=20)
    addresses = [*emails(10), *odd(60), *emails(200)[10:]]
    async with client.lookup_many(addresses, ordered=True) as lookups:
        assert [lookup.email async for lookup in lookups] == addresses


@in_virtual_time
async def test_a_source_that_waits_for_answers_is_not_waited_for():
    """The second email comes only when the first one has its result, whatever that is."""
    transport = ScriptedTransport(odd_ones_get(522))
    client = client_over(transport, concurrency=5)
    first_is_done = asyncio.Event()

    async def source():
        yield "odd@example.com"
        await first_is_done.wait()
        yield "user@example.com"

    async with client.lookup_many(source()) as lookups:
        first = await anext(lookups)
        first_is_done.set()
        second = await anext(lookups)
    assert [first.outcome, second.outcome] == [Outcome.FAILED, Outcome.OK]


@in_virtual_time
async def test_a_run_full_of_odd_emails_does_not_starve_another_one_on_the_client():
    transport = ScriptedTransport(odd_ones_get(522))
    client = client_over(transport, concurrency=20)
    began = now()
    bad = asyncio.create_task(run_of(client, odd(200)))
    await passes(0.1)
    good, reason, _ = await run_of(client, emails(2000))
    assert now() - began < 2000 / 20 * 0.05 * 3
    assert outcomes(good) == {Outcome.OK}
    assert reason is None
    delivered, reason, _ = await bad
    assert reason is None
    assert outcomes(delivered) == {Outcome.FAILED}


@in_virtual_time
async def test_lookups_for_which_only_the_list_is_answered_are_pending_after_a_while():
    """As when the API is there, but what it asks for the accounts is not."""
    transport = ScriptedTransport(lambda email, _n: 404 if email == "accounts" else 522)
    client = client_over(transport, concurrency=20)
    began = now()
    delivered, reason, _ = await run_of(client, emails(10_000))
    assert type(reason) is ServiceUnavailableError
    assert delivered == {}
    assert 60 <= now() - began <= 62
    assert len(transport.sent) < 600


@in_virtual_time
async def test_a_run_after_an_outage_has_patience_of_its_own():
    transport = ScriptedTransport([refused])
    client = client_over(transport, concurrency=5, retry=policy(jitter=1.0))
    for _ in range(2):
        began = now()
        _, reason, _ = await run_of(client, emails(100))
        assert type(reason) is ServiceUnavailableError
        assert 60 <= now() - began <= 70
        await passes(1000)


@in_virtual_time
async def test_an_odd_email_fails_with_what_it_got_and_the_attempts_it_had():
    transport = ScriptedTransport(odd_ones_get(HANGS))
    client = client_over(transport, concurrency=1)
    delivered, _, _ = await run_of(client, [*odd(2), *emails(100)])
    for email in odd(2):
        assert type(delivered[email].error) is AttemptTimeoutError
        assert 4 <= delivered[email].attempts == transport.asked[email] <= 6
    transport = ScriptedTransport(odd_ones_get(522))
    delivered, _, _ = await run_of(client_over(transport, concurrency=1), [*odd(2), *emails(100)])
    assert {type(delivered[email].error) for email in odd(2)} == {ServerError}


@in_virtual_time
async def test_an_outage_is_told_when_it_begins_and_once(caplog):
    transport = ScriptedTransport([refused])
    client = client_over(transport, concurrency=20)
    await run_of(client, emails(100))
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    (message,) = [record.getMessage() for record in warnings]
    assert message.startswith("nobody answers; waiting up to 60 s; the last one: cannot connect")
