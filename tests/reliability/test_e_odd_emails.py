"""Promise 40: emails that get no reply stop nobody else; they end failed, or answered later."""

import asyncio
import json

import attrs
import pytest
from patience import LONG, unhurried

from ltx_async import AttemptTimeoutError, Outcome, ServerError, ServiceUnavailableError
from ltx_async.retry import OutageRule

from .replies import error, ok
from .shell import ltx, wire_server
from .wire import HANG

SILENCES = {"silence": [HANG], "522": [error(522)]}
CLASSES = {"silence": AttemptTimeoutError, "522": ServerError}
QUICK = OutageRule(patience=3.0, probe_base=0.02, probe_cap=0.1)


def limits(kind, seconds):
    """Return the limits of a client, short only where silence is waited for."""
    if kind != "silence":
        return {"timeout": 30, "outage": QUICK}
    timeout = unhurried(seconds)
    return {"timeout": timeout, "outage": attrs.evolve(QUICK, patience=20 * timeout)}


def odd(count):
    return [f"odd{number}@example.com" for number in range(count)]


def good(count):
    return [f"{number}@example.com" for number in range(count)]


PLACES = {
    "2 at 1": (1, [*odd(2), *good(100)]),
    "40 at 20": (20, [*odd(40), *good(100)]),
    "40 at 20 after 100": (20, [*good(100), *odd(40), *good(150)[100:]]),
    "45 at 20 in the end": (20, [*good(100), *odd(45)]),
}


def odd_ones_get(silence):
    return lambda asked: silence if asked.email.startswith("odd") else ok(asked)


def assert_only_odd_ones_failed(lookups, addresses):
    assert [lookup.email for lookup in lookups] == addresses
    for lookup in lookups:
        failed = lookup.email.startswith("odd")
        assert lookup.outcome is (Outcome.FAILED if failed else Outcome.OK), lookup


@pytest.mark.parametrize("kind", SILENCES)
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("place", PLACES)
async def test_odd_neighbours_end_failed_and_stop_nobody(serve, connect, kind, ordered, place):
    server = await serve(odd_ones_get(SILENCES[kind]))
    concurrency, addresses = PLACES[place]
    client = connect(server, concurrency=concurrency, **limits(kind, 0.15))
    async with client.lookup_many(addresses, ordered=ordered) as run:
        lookups = [lookup async for lookup in run]
    assert_only_odd_ones_failed(sorted(lookups, key=lambda lookup: lookup.index), addresses)
    if ordered:
        assert [lookup.email for lookup in lookups] == addresses
    failed = {type(lookup.error) for lookup in lookups if lookup.outcome is Outcome.FAILED}
    assert failed == {CLASSES[kind]}


@pytest.mark.parametrize("kind", SILENCES)
async def test_two_runs_on_one_client_are_answered_as_if_alone(serve, connect, kind):
    server = await serve(odd_ones_get(SILENCES[kind]))
    client = connect(server, concurrency=20, **limits(kind, 0.1))
    bad = asyncio.create_task(client.lookup_all(odd(60)))
    lookups = await asyncio.wait_for(client.lookup_all(good(400)), LONG)
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert {lookup.outcome for lookup in await bad} == {Outcome.FAILED}


async def test_what_waits_for_an_outage_to_end_is_one_email_per_probe(serve, connect):
    """Nobody is answered, not the list either: so one at a time is asked, each time another."""
    server = await serve(lambda _asked: [error(522)])
    client = connect(server, concurrency=10, outage=QUICK)
    run = client.lookup_many(good(10_000))
    with pytest.raises(ServiceUnavailableError):
        await run
    assert run.delivered == ()
    assert server.requests <= 20 + 2 * QUICK.patience / (QUICK.probe_cap / 2)
    asked = [request.email for request in server.asked]
    assert len(set(asked[30:])) == len(asked[30:])


def test_a_resumed_check_gets_past_odd_emails(tmp_path, transport):
    out, options = tmp_path / "results.jsonl", ("--transport", transport, "--quiet")
    with wire_server(odd_ones_get([error(522)])) as server:
        for addresses, status in ((good(50), 0), ([*odd(40), *good(100)], 1)):
            (tmp_path / "emails.txt").write_text("\n".join(addresses))
            check = ("check", tmp_path / "emails.txt", "-o", out, "--resume", *options)
            assert ltx(*check, base_url=server.base_url, cwd=tmp_path).status == status
    records = [json.loads(line) for line in out.read_text().splitlines()]
    outcomes = {record["email"]: record["outcome"] for record in records}
    assert outcomes == {email: "failed" if "odd" in email else "ok" for email in addresses}
    assert all(server.times_asked(email) == 1 for email in good(100))
