"""Promise 4: what is true for every email ends a run, and what was answered is kept."""

import pytest

from ltx_async import (
    AuthenticationError,
    CertificateError,
    Outcome,
    RateLimitError,
    RetryPolicy,
    SubscriptionError,
)

from .replies import error, ok
from .wire import CLOSE, Pause

SLOW = RetryPolicy(base=10.0, random=lambda: 1.0)
EMAILS = [f"{number}@example.com" for number in range(200)]
ENDINGS = [(401, AuthenticationError), (402, SubscriptionError)]


@pytest.mark.parametrize("concurrency", [1, 5])
@pytest.mark.parametrize(("status", "error_class"), ENDINGS)
async def test_a_refusal_ends_the_run_within_the_requests_in_flight(
    serve, connect, status, error_class, concurrency
):
    server = await serve(
        lambda asked: ok(asked) if asked.number < 20 else [Pause(0.005), error(status)]
    )
    run = connect(server, concurrency=concurrency).lookup_many(EMAILS)
    with pytest.raises(error_class):
        await run
    assert server.requests <= 20 + concurrency
    assert len(run.delivered) == 20
    assert all(lookup.outcome is Outcome.OK for lookup in run.delivered)


@pytest.mark.parametrize(("status", "error_class"), ENDINGS)
async def test_a_refusal_at_once_costs_no_more_requests_than_slots(
    serve, connect, status, error_class
):
    server = await serve(lambda asked: [Pause(0.005), error(status)])
    run = connect(server, concurrency=7).lookup_many(EMAILS)
    with pytest.raises(error_class):
        await run
    assert server.requests <= 7
    assert run.delivered == ()


async def test_requests_in_flight_at_the_end_finish_and_are_delivered(serve, connect):
    refused = "3@example.com"
    server = await serve(
        lambda asked: [error(401)] if asked.email == refused else [Pause(0.1), *ok(asked)]
    )
    client = connect(server, concurrency=4)
    delivered = set()

    async def run() -> None:
        async with client.lookup_many(EMAILS) as lookups:
            async for lookup in lookups:
                delivered.add(lookup.index)

    with pytest.raises(AuthenticationError):
        await run()
    assert server.requests == 4
    assert delivered == {0, 1, 2}


async def test_no_retry_starts_after_the_end_of_the_run(serve, connect):
    def answer(asked):
        return [Pause(0.05), error(401)] if asked.email == "0@example.com" else [error(503)]

    server = await serve(answer)
    with pytest.raises(AuthenticationError):
        await connect(server, concurrency=2, retry=SLOW).lookup_many(EMAILS[:2])
    assert server.requests == 2


async def test_a_certificate_that_does_not_verify_ends_the_run(serve, connect, certified, trusting):
    right, wrong = certified(), certified("other.example.com")
    server = await serve(
        lambda asked: [*ok(asked), CLOSE],
        tls=lambda connection: right if connection < 20 else wrong,
        scheme="https",
    )
    run = connect(server, concurrency=5, ssl=trusting).lookup_many(EMAILS)
    with pytest.raises(CertificateError):
        await run
    assert len(run.delivered) == server.requests <= 20
    assert server.connections <= 25
    assert all(lookup.outcome is Outcome.OK for lookup in run.delivered)


async def test_a_single_lookup_takes_a_refusal_as_its_result(serve, connect):
    server = await serve(lambda asked: [error(401)])
    lookup = await connect(server).lookup("ann@example.com")
    assert (type(lookup.error), server.requests) == (AuthenticationError, 1)


async def test_a_wait_over_the_cap_ends_the_run_with_the_rest_pending(serve, connect):
    server = await serve(
        lambda asked: ok(asked) if asked.number < 20 else [error(429, retry_after=3600)]
    )
    run = connect(server, concurrency=5).lookup_many(EMAILS)
    with pytest.raises(RateLimitError) as caught:
        await run
    assert 3500 < caught.value.retry_after < 3601
    assert server.requests <= 25
    assert len(run.delivered) == 20
    assert all(lookup.outcome is Outcome.OK for lookup in run.delivered)


async def test_who_waits_for_a_slot_at_the_end_of_the_run_sends_nothing(serve, connect):
    """The first lookup sleeps before its retry; when it wakes up, the one slot is taken."""

    def answer(asked):
        if asked.email == "0@example.com":
            return [error(503)]
        return [Pause(0.15), error(401)]

    server = await serve(answer)
    policy = RetryPolicy(base=0.05, random=lambda: 1.0)
    run = connect(server, concurrency=1, retry=policy).lookup_many(EMAILS)
    with pytest.raises(AuthenticationError):
        await run
    assert [asked.email for asked in server.asked] == EMAILS[:2]
    assert run.delivered == ()


async def test_no_email_is_taken_from_the_source_after_the_end_of_the_run(serve, connect):
    taken = []

    def source():
        for email in EMAILS:
            taken.append(email)
            yield email

    server = await serve(
        lambda asked: [error(401)] if asked.number == 3 else [Pause(0.3), *ok(asked)]
    )
    with pytest.raises(AuthenticationError):
        await connect(server, concurrency=4).lookup_many(source())
    assert len(taken) == server.requests == 4
