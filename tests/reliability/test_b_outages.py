"""Promise 18: a server that is not there leaves everything pending or answered, never failed."""

import asyncio
import contextlib
import itertools
import socket

import attrs
import pytest
from patience import in_time, reached
from ports import free_port, refusing

from ltx_async import (
    AttemptFinished,
    AttemptTimeoutError,
    ConfigurationError,
    ConnectError,
    GateClosed,
    LookupFinished,
    OutageBegan,
    OutageEnded,
    Outcome,
    RateLimitError,
    RetryPolicy,
    RetryScheduled,
    ServiceUnavailableError,
)
from ltx_async.engine.bulk.shown import Lookups
from ltx_async.retry import OutageRule

from .replies import error, ok, reply
from .wire import HANG, Pause, in_turn

QUICK = OutageRule(patience=0.25, probe_base=0.02, probe_cap=0.05)
NOWHERE = "http://nobody.invalid:9/v1"
UNREACHABLE = "http://255.255.255.255:9/v1"


@pytest.fixture
def no_names(monkeypatch):
    """Have every look-up of a name fail as without a name server, at once."""

    async def resolve(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("ltx_async.transport.names.Resolver.resolve", resolve)


@pytest.fixture
async def absent(serve, no_names):
    """Base URLs of servers that are away, each in its own way."""
    hanging = await serve(in_turn([HANG]))
    edge = await serve(in_turn([error(522)]))
    with refusing() as port:
        yield {
            "refused": f"http://127.0.0.1:{port}/v1",
            "unknown name": NOWHERE,
            "unreachable": UNREACHABLE,
            "hanging": hanging.base_url,
            "522": edge.base_url,
        }


@pytest.mark.parametrize("kind", ["refused", "unknown name", "unreachable"])
@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_single_lookup_of_an_absent_server_uses_its_attempts(
    connect, absent, kind, attempts
):
    policy = RetryPolicy(attempts=attempts, base=0.001)
    lookup = await connect(absent[kind], retry=policy, allow_http=True).lookup("ann@example.com")
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, ConnectError)
    assert lookup.attempts == attempts
    assert lookup.status is None


@pytest.mark.parametrize("kind", ["refused", "unknown name", "unreachable", "hanging", "522"])
async def test_an_absent_server_leaves_everything_pending(connect, absent, kind):
    async def run(concurrency: int, emails: int, attempts: int) -> None:
        policy = RetryPolicy(attempts=attempts, base=0.001)
        settings = {"retry": policy, "timeout": 0.02, "allow_http": True, "outage": QUICK}
        client = connect(absent[kind], concurrency=concurrency, **settings)
        run = client.lookup_many(f"{number}@example.com" for number in range(emails))
        with pytest.raises(ServiceUnavailableError):
            await run
        assert run.delivered == (), (concurrency, emails, attempts)

    began = asyncio.get_running_loop().time()
    cases = itertools.product([1, 20], [1, 300], [1, 3])
    await asyncio.gather(*itertools.starmap(run, cases))
    assert in_time(asyncio.get_running_loop().time() - began, 8)


async def test_an_outage_costs_a_bounded_number_of_requests(serve, connect):
    server = await serve(in_turn([error(522)]))
    client = connect(server, outage=QUICK)
    with pytest.raises(ServiceUnavailableError):
        await client.lookup_many(f"{number}@example.com" for number in range(1000))
    assert server.requests < 100


async def test_a_server_that_comes_late_answers_everything(serve, connect):
    port = free_port()
    client = connect(
        f"http://127.0.0.1:{port}/v1",
        concurrency=5,
        outage=OutageRule(patience=10, probe_base=0.02, probe_cap=0.05),
    )
    run = asyncio.create_task(_all(client, 50))
    await asyncio.sleep(0.3)
    server = await serve(ok, port=port)
    lookups = await run
    assert len(lookups) == server.requests == 50
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)


def _run(client, emails: int):
    return client.lookup_many(f"{number}@example.com" for number in range(emails))


async def _all(client, emails: int):
    return await _run(client, emails)


@pytest.mark.parametrize("concurrency", [1, 20])
async def test_an_email_that_always_times_out_among_answered_ones_fails(
    serve, connect, concurrency
):
    server = await serve(lambda asked: [HANG] if asked.email == "7@example.com" else ok(asked))
    client = connect(server, concurrency=concurrency, timeout=0.4, outage=QUICK)
    lookups = await _all(client, 100)
    failed = [lookup for lookup in lookups if lookup.outcome is not Outcome.OK]
    assert [(lookup.index, type(lookup.error)) for lookup in failed] == [(7, AttemptTimeoutError)]


async def test_an_email_that_always_times_out_at_the_end_of_a_run_is_never_ok(serve, connect):
    server = await serve(lambda asked: [HANG] if asked.email == "9@example.com" else ok(asked))
    client = connect(server, concurrency=3, timeout=0.2, outage=QUICK)
    run = _run(client, 10)
    with contextlib.suppress(ServiceUnavailableError):  # nobody was left to tell the difference
        await run
    lookups = run.delivered
    others = [lookup for lookup in lookups if lookup.index != 9]
    assert len(others) == 9
    assert all(lookup.outcome is Outcome.OK for lookup in others)
    assert all(lookup.outcome is Outcome.FAILED for lookup in lookups if lookup.index == 9)


@pytest.mark.parametrize("broken", [[HANG], [error(522)]])
async def test_an_outage_in_mid_run_that_passes_costs_nobody_an_answer(serve, connect, broken):
    during = []

    def answer(asked):
        if asked.number < 60 or (len(during) >= 25 and asked.at > during[0] + 0.9):
            return [Pause(0.02), *ok(asked)]
        during.append(asked.at)
        return broken

    server = await serve(answer)
    policy = RetryPolicy(base=0.2, random=lambda: 1.0)
    client = connect(
        server,
        concurrency=20,
        timeout=0.4,
        retry=policy,
        outage=OutageRule(patience=10, probe_base=0.02, probe_cap=0.05),
    )
    lookups = await _all(client, 300)
    assert all(lookup.outcome is Outcome.OK for lookup in lookups)
    assert server.requests >= 300 + 25


async def test_answered_emails_are_kept_when_the_server_goes_away_for_good(serve, connect):
    server = await serve(lambda asked: ok(asked) if asked.number < 30 else [HANG])
    client = connect(server, concurrency=20, timeout=0.2, outage=QUICK)
    run = _run(client, 200)
    with pytest.raises(ServiceUnavailableError):
        await run
    assert 20 <= len(run.delivered) <= 30  # some may have had to ask again
    assert all(lookup.outcome is Outcome.OK for lookup in run.delivered)


async def test_emails_in_flight_when_a_server_goes_silent_for_good_stay_pending(serve, connect):
    """Fewer than twenty attempts are under way, and one reply still came after they began."""
    server = await serve(
        lambda asked: [Pause(0.01), *ok(asked)] if asked.email == "1@example.com" else [HANG]
    )
    client = connect(server, concurrency=2, timeout=0.2, outage=QUICK)
    run = _run(client, 50)
    with pytest.raises(ServiceUnavailableError):
        await run
    assert [lookup.index for lookup in run.delivered] == [1]


# Before the first reply ever, what a wrong base URL brings is waited for a short time only

SHORT, LONG = 0.1, 0.4
AT_FIRST = OutageRule(patience=LONG, first_patience=SHORT, probe_base=0.02, probe_cap=0.05)
SOON = attrs.evolve(AT_FIRST, patience=60)
ASTRAY = ["refused", "unknown name", "TLS to a plain port"]


def cannot_resolve(monkeypatch, number):
    async def resolve(*_args, **_kwargs):
        raise socket.gaierror(number, "no")

    monkeypatch.setattr("ltx_async.transport.names.Resolver.resolve", resolve)


@pytest.fixture
async def astray(serve, no_names):
    """Base URLs that are wrong, each in its own way."""

    def shout(_connection):
        return [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", HANG]

    plain = await serve(ok, greeting=shout, scheme="https")
    with refusing() as port:
        yield {
            "refused": f"http://127.0.0.1:{port}/v1",
            "unknown name": NOWHERE,
            "TLS to a plain port": plain.base_url,
        }


async def ended_after(client, emails=1):
    """Return the seconds that a run takes in which nobody answers, and what ended it."""
    began = asyncio.get_running_loop().time()
    run = _run(client, emails)
    with pytest.raises(ServiceUnavailableError) as ended:
        await run
    assert run.delivered == ()
    return asyncio.get_running_loop().time() - began, ended.value


@pytest.mark.parametrize("kind", ASTRAY)
@pytest.mark.parametrize("emails", [1, 100])
async def test_a_wrong_base_url_is_found_out_soon(connect, astray, kind, emails):
    told = []
    client = connect(astray[kind], outage=SOON, allow_http=True, on_event=told.append)
    took, error = await ended_after(client, emails)
    assert SHORT <= took < SOON.patience
    assert error.last_error.misdirected
    assert error.hint == error.last_error.hint
    (began,) = [event for event in told if isinstance(event, OutageBegan)]
    assert began.patience == SHORT
    before = told[: told.index(began)]  # the first attempt that failed made it an outage
    assert len([event for event in before if isinstance(event, AttemptFinished)]) == 1


@pytest.mark.parametrize("kind", ASTRAY)
async def test_a_single_lookup_and_the_list_call_give_a_wrong_base_url_up_soon(
    connect, astray, kind
):
    policy = RetryPolicy(attempts=1_000_000, base=0.01, cap=0.01)
    rule = attrs.evolve(SOON, first_patience=2 * SHORT)
    client = connect(astray[kind], outage=rule, allow_http=True, retry=policy)
    began = asyncio.get_running_loop().time()
    error = (await client.lookup("ann@example.com")).error
    with pytest.raises(ConnectError) as listing:
        await client.list_accounts()
    assert asyncio.get_running_loop().time() - began < rule.patience
    for one in (error, listing.value):
        assert type(one) is ConnectError
        assert one.misdirected
        assert 1 < one.attempts < 10_000


async def test_a_resolver_that_cannot_tell_is_waited_for(connect, monkeypatch):
    cannot_resolve(monkeypatch, socket.EAI_AGAIN)
    took, error = await ended_after(connect(NOWHERE, outage=AT_FIRST, allow_http=True))
    assert took >= LONG
    assert not error.last_error.misdirected


@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_NODATA])
async def test_a_resolver_that_knows_of_no_name_is_not(connect, monkeypatch, number):
    cannot_resolve(monkeypatch, number)
    took, error = await ended_after(connect(NOWHERE, outage=SOON, allow_http=True))
    assert took < SOON.patience
    assert error.last_error.misdirected


@pytest.mark.parametrize("reply", [ok, lambda _asked: [error(522)]])
async def test_after_the_first_reply_ever_everything_is_waited_for(serve, connect, reply):
    server = await serve(reply)
    told = []
    client = connect(server, outage=AT_FIRST, on_event=told.append)
    await client.lookup("ann@example.com")
    await server.stop()
    with refusing(server.port):
        took, _ = await ended_after(client)
    assert took >= LONG
    assert [event.patience for event in told if isinstance(event, OutageBegan)] == [LONG]


async def test_a_server_that_is_started_within_the_short_patience_answers_everybody(serve, connect):
    port, told = free_port(), []
    rule = OutageRule(first_patience=30, probe_base=0.02, probe_cap=0.05)
    client = connect(f"http://127.0.0.1:{port}/v1", outage=rule, on_event=told.append)
    run = asyncio.create_task(_all(client, 50))
    while not any(isinstance(event, OutageBegan) for event in told):
        await asyncio.sleep(0.005)
    await serve(ok, port=port)
    assert {lookup.outcome for lookup in await run} == {Outcome.OK}
    (began,) = [told.index(event) for event in told if isinstance(event, OutageBegan)]
    (ended,) = [event for event in told if isinstance(event, OutageEnded)]
    assert began < told.index(ended)
    assert 0 < ended.seconds < 30


WAITING = {
    "an outage": ([error(521)], OutageBegan),
    "silence": ([HANG], OutageBegan),
    "503": ([error(503)], RetryScheduled),
    "429": ([reply(429, b"", ("Retry-After", "30"))], GateClosed),
    "403": ([error(403)], LookupFinished),
}


@pytest.mark.parametrize("kind", WAITING)
@pytest.mark.parametrize("count", [25, 300])
async def test_a_client_that_is_closed_ends_its_runs_whatever_they_wait_for(
    serve, connect, kind, count
):
    answer, sign = WAITING[kind]
    server, told = await serve(lambda asked: answer if _is_email(asked) else [HANG]), []
    client = connect(server, retry=RetryPolicy(), timeout=0.1, on_event=told.append)
    runs = [client.lookup_many(f"{n}@example.com" for n in range(count)) for _ in range(2)]
    running = [asyncio.create_task(_awaited(run)) for run in runs]
    await reached(lambda: any(isinstance(event, sign) for event in told))
    await asyncio.sleep(0.02)
    await client.aclose()
    async with asyncio.timeout(20):
        ended = await asyncio.gather(*running, return_exceptions=True)
    expected = {ConfigurationError} if kind != "403" else {ConfigurationError, Lookups}
    assert {type(end) for end in ended} <= expected  # a 403 is a result
    assert client.stats.pending == 0


async def _awaited(run):
    return await run


def _is_email(asked) -> bool:
    return "@" in asked.email


@pytest.mark.parametrize("count", [20, 25])
@pytest.mark.parametrize("told", ["86400", "61"])
async def test_a_list_that_asks_for_too_long_a_wait_in_an_outage_ends_the_run(
    serve, connect, count, told
):
    """Everybody is set aside until somebody is answered, so nobody would find out."""
    refusal = [Pause(0.1), reply(429, b"", ("Retry-After", told))]
    server = await serve(lambda asked: [error(521)] if _is_email(asked) else refusal)
    run = connect(server, retry=RetryPolicy(), concurrency=20).lookup_many(
        f"{n}@example.com" for n in range(count)
    )
    async with asyncio.timeout(20):
        with pytest.raises(RateLimitError, match="no request for another"):
            await run
    assert not run.delivered
    assert len(run.pending()) == count
