"""What Python users touch: parameters, the life of a client, and what its calls give."""

import asyncio
import contextlib
import functools
import json
import math
import os
import pickle
import subprocess
import sys
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from inside import shared_by

import ltx_async
from ltx_async.client import LTXClient
from ltx_async.codec import Reply
from ltx_async.emulator import Emulator
from ltx_async.errors import (
    AccountNotFoundError,
    AuthenticationError,
    ConfigurationError,
    DeadlineError,
    DecodeError,
    InvalidEmailError,
    LTXError,
    ReauthenticationError,
    ServerError,
    as_text,
)
from ltx_async.events import GateClosed, LookupFinished, RetryScheduled
from ltx_async.models import Outcome
from ltx_async.sync import LTXClient as SyncClient

from .scripted import (
    EMAIL,
    HANGS,
    TOKEN,
    After,
    ScriptedTransport,
    client_over,
    cut,
    emails,
    policy,
    refused,
    throttled,
)
from .virtual_time import in_virtual_time, now, passes

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
NOT_POSITIVE_SECONDS = [0, -1, 0.0, float("nan"), float("inf"), 1e9, True, "5", object()]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    monkeypatch.delenv("USEAPI_TOKEN", raising=False)
    monkeypatch.delenv("USEAPI_API", raising=False)


def sample(name, status=200):
    return Reply(status, {}, (SAMPLES / name).read_bytes())


# Parameters


@pytest.mark.parametrize("name", ["timeout", "deadline"])
@pytest.mark.parametrize("seconds", [*NOT_POSITIVE_SECONDS, None])
def test_seconds_that_make_no_sense_are_refused(name, seconds):
    with pytest.raises(ConfigurationError, match=f"{name} must be a number of seconds"):
        LTXClient(TOKEN, **{name: seconds})


@pytest.mark.parametrize("name", ["timeout", "deadline"])
@pytest.mark.parametrize("seconds", NOT_POSITIVE_SECONDS)
@pytest.mark.parametrize("call", ["lookup", "fetch_account"])
async def test_seconds_of_one_lookup_are_checked_too(call, name, seconds):
    transport = ScriptedTransport()
    with pytest.raises(ConfigurationError, match=name):
        await getattr(client_over(transport), call)(EMAIL, **{name: seconds})
    assert transport.sent == []


@pytest.mark.parametrize(
    ("parameter", "value", "named"),
    [
        ("concurrency", 0, "concurrency"),
        ("concurrency", "20", "concurrency"),
        ("rate", 0, "rate"),
        ("rate", -2.5, "rate"),
        ("retry", 3, "retry"),
        ("retry", None, "retry"),
        ("outage", None, "outage must be an OutageRule"),
        ("outage", 60, "outage must be an OutageRule"),
        ("outage", {"patience": 60}, "outage must be an OutageRule"),
        ("on_event", 3, "on_event"),
        ("events", GateClosed, "classes of events"),
        ("events", [GateClosed, int], "classes of events"),
        ("events", ["GateClosed"], "classes of events"),
        ("events", [{}], "classes of events"),
        ("ssl", False, "ssl"),
        ("ssl", "ca.pem", "ssl"),
        ("proxy", "127.0.0.1:8080", "proxy"),
        ("proxy", "socks5://127.0.0.1:1", "proxy"),
        ("proxy", 8080, "proxy"),
        ("transport", "pigeon", "pigeon"),
        ("base_url", "ftp://example.com", "scheme"),
        ("base_url", "http://example.com", "plain http"),
        ("base_url", "", "host"),
        ("user_agent", "a\r\nb", "user agent"),
        ("rate", float("nan"), "rate"),
        ("headers", 7, "headers must be a mapping"),
        ("token", "two words", "token"),
        ("token", b"user:1-a", "text, not bytes"),
        ("token", "'user:1-a'", "quotation marks"),
        ("token", "Bearer user:1-a", "Bearer"),
        ("token", "", "no API token"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(parameter, value, named):
    with pytest.raises(ConfigurationError, match=named) as caught:
        LTXClient(**{"token": TOKEN, parameter: value})
    assert caught.value.hint


@pytest.mark.parametrize(
    ("parameter", "value", "way_out"),
    [
        ("rate", 0, "None, for no limit"),
        ("on_event", 5, "def on_event(event)"),
        ("retry", None, "RetryPolicy(attempts=1)"),
        ("outage", 60, "OutageRule(patience="),
        ("token", b"user:1-a", "decode()"),
        ("user_agent", 7, "name/version"),
        ("session", object(), "opens a session of its own"),
        ("timeout", 0, "31536000"),
    ],
)
def test_what_is_refused_is_told_the_way_out(parameter, value, way_out):
    with pytest.raises(ConfigurationError) as caught:
        LTXClient(**{"token": TOKEN, parameter: value})
    assert way_out in caught.value.hint


@pytest.mark.parametrize("random", [None, 0.5, "random"])
def test_a_policy_without_a_source_of_chance_is_refused_before_it_is_needed(random):
    with pytest.raises(ConfigurationError, match="random must be a function") as caught:
        policy().__class__(random=random)
    assert "random.Random(7).random" in caught.value.hint


@pytest.mark.parametrize("make", [LTXClient, SyncClient])
@pytest.mark.parametrize("name", ["timeout", "concurency", "on_event", "_shared_", "lookup"])
def test_an_attribute_that_there_is_not_cannot_be_set(make, name):
    client = make(TOKEN)
    with pytest.raises(AttributeError, match=f"no attribute '{name}' to be set: its settings are"):
        setattr(client, name, 5)
    assert not hasattr(client, "__dict__")


def test_a_class_made_of_the_client_may_have_attributes_of_its_own():
    class Ours(LTXClient):
        pass

    client = Ours(TOKEN)
    client.tenant = "acme"
    assert (client.tenant, weakref.ref(client)()) == ("acme", client)


@pytest.mark.parametrize("call", ["lookup", "fetch_account", "list_accounts", "lookup_many"])
def test_without_a_loop_of_asyncio_the_way_out_is_told(call):
    """Trio steps a coroutine by hand, as here."""
    client = LTXClient(TOKEN)
    made = getattr(client, call)(*[] if call == "list_accounts" else [[EMAIL]])
    stepped = made.__aenter__() if call == "lookup_many" else made
    with pytest.raises(ConfigurationError, match=r"no event loop of asyncio .* trio") as caught:
        stepped.send(None)
    assert "ltx_async.sync" in caught.value.hint
    assert caught.value.__context__ is None


def test_who_wants_no_retries_is_told_how():
    with pytest.raises(ConfigurationError, match="not NoneType") as caught:
        LTXClient(TOKEN, retry=None)
    assert "RetryPolicy(attempts=1)" in caught.value.hint


async def test_a_listener_is_told_of_the_events_that_it_wants():
    told, all_of_them = [], []
    for events, into in ([(RetryScheduled, LookupFinished), told], [None, all_of_them]):
        transport = ScriptedTransport([503, 200])
        quickly = policy(base=0.0)
        client = client_over(transport, retry=quickly, on_event=into.append, events=events)
        await client.lookup(EMAIL)
    assert [type(event) for event in told] == [RetryScheduled, LookupFinished]
    assert [type(event) for event in all_of_them if type(event) in {*map(type, told)}] == [
        RetryScheduled,
        LookupFinished,
    ]
    assert len(all_of_them) == 6


async def test_a_client_knows_how_many_requests_are_under_way():
    client = client_over(ScriptedTransport([HANGS]), concurrency=3)
    assert client.in_flight == 0
    async with client.lookup_many([f"user{number}@example.com" for number in range(9)]):
        await asyncio.sleep(0.01)
        assert client.in_flight == 3
    assert client.in_flight == 0


def test_a_coroutine_function_is_no_listener():
    async def listener(_event):
        raise NotImplementedError

    for bad in (listener, functools.partial(listener)):
        with pytest.raises(ConfigurationError, match="plain function"):
            LTXClient(TOKEN, on_event=bad)


@pytest.mark.parametrize(
    "other", [{"ssl": object()}, {"proxy": "http://127.0.0.1:1"}, {"trust_env": True}]
)
async def test_what_belongs_to_the_owner_of_a_borrowed_session_is_refused_beside_it(other):
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="borrowed session"):
            LTXClient(TOKEN, session=session, **other)


def test_parameters_after_the_token_have_names():
    with pytest.raises(TypeError):
        LTXClient(TOKEN, "https://example.com")


def test_integers_and_long_waits_are_fine():
    LTXClient(TOKEN, timeout=1, deadline=86_400 * 365, concurrency=1, rate=3)


# The environment


def test_the_token_comes_from_the_environment(monkeypatch):
    with pytest.raises(ConfigurationError, match="no API token") as caught:
        LTXClient()
    assert "USEAPI_TOKEN" in caught.value.hint
    monkeypatch.setenv("USEAPI_TOKEN", TOKEN)
    assert shared_by(LTXClient()).transport.endpoint.token == TOKEN


def test_a_token_that_was_given_is_preferred_even_an_empty_one(monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:1-fromtheenvironment")
    assert shared_by(LTXClient(TOKEN)).transport.endpoint.token == TOKEN
    with pytest.raises(ConfigurationError, match="no API token"):
        LTXClient("")


def test_the_base_url_comes_from_the_environment(monkeypatch):
    assert " https://api.useapi.net/v1 " in repr(LTXClient(TOKEN))
    monkeypatch.setenv("USEAPI_API", "")
    assert " https://api.useapi.net/v1 " in repr(LTXClient(TOKEN))
    monkeypatch.setenv("USEAPI_API", "http://127.0.0.1:8080/v1")
    assert " http://127.0.0.1:8080/v1 " in repr(LTXClient(TOKEN))
    given = LTXClient(TOKEN, base_url="https://example.com/v1/")
    assert " https://example.com/v1 " in repr(given)
    monkeypatch.setenv("USEAPI_API", "http://example.com")
    with pytest.raises(ConfigurationError, match="plain http"):
        LTXClient(TOKEN)
    assert LTXClient(TOKEN, allow_http=True)


# The life of a client


async def test_its_repr_is_a_status_line_without_secrets():
    client = client_over(ScriptedTransport(), proxy="http://ann:hunter2@127.0.0.1:1")
    assert repr(client) == "<LTXClient https://api.useapi.net/v1 concurrency=20>"
    await client.aclose()
    assert repr(client) == "<LTXClient https://api.useapi.net/v1 closed>"


def test_nothing_inside_shows_the_token_or_the_proxys_password():
    client = LTXClient(TOKEN, proxy="http://ann:hunter2@127.0.0.1:1")
    shared = shared_by(client)
    shown = (
        repr([getattr(client, name) for name in client.__slots__])
        + repr(shared)
        + repr(shared.transport.wiring)
    )
    assert TOKEN not in shown
    assert "12345-abcdefghi" not in shown
    assert "hunter2" not in shown


async def test_closing_is_idempotent_and_closes_once():
    transport = ScriptedTransport()
    async with client_over(transport) as client:
        await client.lookup(EMAIL)
    await client.aclose()
    await client.aclose()
    assert transport.closed == 1


async def test_it_closes_when_the_body_raises():
    transport = ScriptedTransport()
    with contextlib.suppress(ZeroDivisionError):
        async with client_over(transport) as client:
            1 / 0  # noqa: B018
    assert transport.closed == 1
    assert "closed" in repr(client)


async def test_it_works_without_a_block_too():
    client = client_over(ScriptedTransport())
    assert (await client.lookup(EMAIL)).outcome is Outcome.OK
    await client.aclose()


@pytest.mark.parametrize(
    "use",
    [
        lambda client: client.lookup(EMAIL),
        lambda client: client.lookup("not an email"),
        lambda client: client.fetch_account(EMAIL),
        lambda client: client.list_accounts(),
        lambda client: client.lookup_many([EMAIL]),
        lambda client: client.__aenter__(),
    ],
)
async def test_a_closed_client_says_so_and_sends_nothing(use):
    transport = ScriptedTransport()
    client = client_over(transport)
    await client.aclose()
    with pytest.raises(ConfigurationError, match="the client is closed") as raised:
        await use(client)
    assert raised.value.hint == "Make a new LTXClient."
    assert transport.sent == []


@in_virtual_time
async def test_a_run_whose_client_closes_says_so():
    transport = ScriptedTransport(latency=1.0)
    client = client_over(transport, concurrency=2)
    async with client.lookup_many(emails(10)) as lookups:
        assert (await anext(lookups)).outcome is Outcome.OK
        await client.aclose()
        delivered = 1

        async def rest():
            nonlocal delivered
            async for _ in lookups:
                delivered += 1

        with pytest.raises(ConfigurationError, match="the client is closed"):
            await rest()
    assert delivered == len(transport.sent)


def test_a_client_belongs_to_one_event_loop():
    client = client_over(ScriptedTransport())

    async def look_up():
        return await client.lookup(EMAIL)

    async def look_up_many():
        return await client.lookup_many([EMAIL])

    async def list_them():
        return await client.list_accounts()

    async def enter():
        await client.__aenter__()

    assert asyncio.run(look_up()).outcome is Outcome.OK
    for use in (look_up, look_up_many, list_them, enter):
        with pytest.raises(ConfigurationError, match="another event loop"):
            asyncio.run(use())
    asyncio.run(client.aclose())


@pytest.mark.parametrize("transport", ["session", "direct"])
def test_a_client_with_connections_is_closed_in_its_own_loop(transport):
    async def use():
        await client.lookup(EMAIL)

    with Emulator() as emulator, asyncio.Runner() as own, asyncio.Runner() as other:
        client = LTXClient(TOKEN, base_url=emulator.base_url, transport=transport)
        own.run(use())
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="another event loop"):
                other.run(client.aclose())
        own.run(use())
        own.run(client.aclose())
        other.run(client.aclose())


def test_a_client_may_be_made_before_there_is_a_loop():
    client = client_over(ScriptedTransport())

    async def look_up():
        async with client:
            return await client.lookup(EMAIL)

    assert asyncio.run(look_up()).outcome is Outcome.OK


FORGOTTEN = """
import asyncio, gc, os, sys, threading, time, warnings
from ltx_async import LTXClient
from ltx_async.emulator import Emulator

transport, loops, when = sys.argv[1:]
if loops == "uvloop":
    import uvloop
    run = uvloop.run
else:
    run = asyncio.run

def sockets():
    gc.collect()
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link).startswith("socket") for link in links if os.path.islink(link))

async def use(emulator):
    client = LTXClient(emulator.token, base_url=emulator.base_url, transport=transport)
    assert len(await client.lookup_all(["ann@example.com"] * 9)) == 9
    return client

async def forget_at_once(emulator):
    idle = sockets()
    await use(emulator)
    await asyncio.sleep(0.05)
    assert sockets() == idle, (sockets(), idle)

async def forget_the_client_of_a_run(emulator):
    client = LTXClient(emulator.token, base_url=emulator.base_url, transport=transport)
    async with client.lookup_many(["ann@example.com"] * 9) as lookups:
        del client
        gc.collect()
        async for lookup in lookups:
            assert lookup.account is not None, lookup
    del lookups

async def forget_in_a_thread(emulator):
    idle = sockets()
    clients = [await use(emulator)]
    thread = threading.Thread(target=lambda: (clients.clear(), gc.collect()))
    thread.start()
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(0.05)
    del thread
    assert sockets() <= idle + 1, (sockets(), idle)

def forget_after_the_loop(emulator):
    idle = sockets()
    # A loop that is closed frees its transports by itself, and says so.
    warnings.filterwarnings("ignore", "(?i)unclosed (transport|resource|connection|<socket)")
    client = run(use(emulator))
    del client
    gc.collect()
    time.sleep(0.05)
    assert sockets() <= idle, (sockets(), idle)

warnings.simplefilter("always")
with Emulator([{"email": "ann@example.com", "maxJobs": 1}]) as emulator:
    how = globals()[when]
    if asyncio.iscoroutinefunction(how):
        run(how(emulator))
    else:
        how(emulator)
"""


@pytest.mark.parametrize("transport", ["session", "direct"])
@pytest.mark.parametrize("loops", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    "when",
    [
        "forget_at_once",
        "forget_the_client_of_a_run",
        "forget_in_a_thread",
        "forget_after_the_loop",
    ],
)
def test_a_client_that_nobody_closed_is_named_once_and_its_sockets_are_freed(
    transport, loops, when
):
    done = subprocess.run(
        [sys.executable, "-c", FORGOTTEN, transport, loops, when],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "Warning: unclosed" in line]
    assert len(said) == 1, done.stderr
    assert "ResourceWarning: unclosed <LTXClient http://" in said[0]
    assert "await aclose()" in said[0]


QUIET = """
import asyncio, gc, sys
from ltx_async import LTXClient
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator

def client(emulator):
    return LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url, transport=sys.argv[1])

async def every_kind_of_use():
    never_entered = LTXClient(EXAMPLE_TOKEN)
    never_awaited = never_entered.lookup_many(["ann@example.com"])
    async with Emulator([{"email": "ann@example.com", "maxJobs": 1}], latency=0.01) as emulator:
        async with client(emulator) as ours:
            await ours.fetch_account("ann@example.com")
            await ours.list_accounts()
        await ours.aclose()
        try:
            async with client(emulator) as ours:
                async with ours.lookup_many(["ann@example.com"] * 100) as lookups:
                    async for _ in lookups:
                        raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        async with client(emulator) as ours:
            one = asyncio.create_task(ours.fetch_account("ann@example.com"))
            await asyncio.sleep(0.005)
            one.cancel()
            await asyncio.gather(one, return_exceptions=True)
            async def run():
                return await ours.lookup_many(["ann@example.com"] * 100)
            many = asyncio.create_task(run())
            await asyncio.sleep(0.025)
            many.cancel()
            await asyncio.gather(many, return_exceptions=True)
    gc.collect()

for _ in range(2):
    asyncio.run(every_kind_of_use())
gc.collect()
"""


@pytest.mark.parametrize("transport", ["session", "direct"])
def test_no_warning_of_any_kind_under_dev_mode(transport):
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", QUIET, transport],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONASYNCIODEBUG": "0"},
    )
    said = (done.stdout + done.stderr).splitlines()
    complaints = [line for line in said if not line.startswith("Executing <")]  # a busy machine
    assert (complaints, done.returncode) == ([], 0)


# What calls give


async def test_fetch_account_returns_the_account():
    account = await client_over(ScriptedTransport()).fetch_account(EMAIL)
    assert (account.email, account.token_balance) == (EMAIL, 7)


async def test_fetch_account_returns_a_broken_account_too():
    transport = ScriptedTransport([sample("account_needs_reauth.json")])
    email = json.loads((SAMPLES / "account_needs_reauth.json").read_text())["email"]
    client = client_over(transport)
    assert (await client.fetch_account(email)).needs_reauth
    lookup = await client.lookup(email)
    assert lookup.outcome is Outcome.NEEDS_REAUTH
    assert lookup.error is None


@pytest.mark.parametrize(
    ("email", "step", "error"),
    [
        (EMAIL, sample("not_found.txt", 404), AccountNotFoundError),
        (EMAIL, sample("unauthorized.json", 401), AuthenticationError),
        (EMAIL, 596, ReauthenticationError),
        (EMAIL, 503, ServerError),
        (EMAIL, Reply(200, {}, b"{}"), DecodeError),
        ("nobody", 200, InvalidEmailError),
    ],
)
@in_virtual_time
async def test_fetch_account_raises_why_there_is_none(email, step, error):
    client = client_over(ScriptedTransport([step]))
    with pytest.raises(error) as caught:
        await client.fetch_account(email)
    assert type(caught.value) is error
    assert caught.value.email == email
    assert caught.value.attempts == (0 if email == "nobody" else 3 if step == 503 else 1)
    assert caught.value.hint
    assert caught.value.__context__ is None


@in_virtual_time
async def test_fetch_account_has_its_own_timeout_and_deadline():
    client = client_over(ScriptedTransport([HANGS]))
    with pytest.raises(DeadlineError):
        await client.fetch_account(EMAIL, deadline=2)
    with pytest.raises(ltx_async.AttemptTimeoutError):
        await client.fetch_account(EMAIL, timeout=2)


@pytest.mark.parametrize(
    "email",
    [
        "",
        " ",
        "no-at",
        "@x",
        "a@",
        " a@b",
        "../x@y/..",
        "a\n@b",
        None,
        7,
        math.nan,
        ("a@b.example",),
    ],
)
async def test_an_email_that_cannot_be_sent_is_invalid_and_nothing_is_sent(email):
    transport = ScriptedTransport()
    lookup = await client_over(transport).lookup(email)
    assert lookup.outcome is Outcome.INVALID
    assert type(lookup.error) is InvalidEmailError
    assert (lookup.account, lookup.status, lookup.attempts, lookup.elapsed) == (None, None, 0, 0.0)
    assert lookup.email == lookup.error.email == as_text(email)
    assert str(lookup.error).endswith(lookup.error.message)
    again = pickle.loads(pickle.dumps(lookup))
    assert (again.email, str(again.error)) == (lookup.email, str(lookup.error))
    json.dumps(lookup.to_record(), allow_nan=False)
    assert transport.sent == []


async def test_a_lookup_is_dated_in_utc():
    lookup = await client_over(ScriptedTransport()).lookup(EMAIL)
    assert lookup.checked_at.tzinfo is UTC
    assert abs(lookup.checked_at - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "step", [200, 404, 596, 401, 503, cut, refused, throttled(1000), HANGS, Reply(200, {}, b"[")]
)
@in_virtual_time
async def test_account_is_set_exactly_when_the_reply_was_one_and_error_when_not(step):
    lookup = await client_over(ScriptedTransport([step])).lookup(EMAIL)
    assert (lookup.account is None) == (lookup.error is not None) == (step != 200)


@pytest.mark.parametrize(
    "step", [200, 404, 596, 401, 503, cut, refused, throttled(1000), HANGS, Reply(200, {}, b"[")]
)
@in_virtual_time
async def test_lookups_and_their_errors_survive_pickling(step):
    lookup = await client_over(ScriptedTransport([step])).lookup(EMAIL)
    copy = pickle.loads(pickle.dumps(lookup))
    for name in ("index", "email", "outcome", "account", "status", "attempts", "checked_at"):
        assert getattr(copy, name) == getattr(lookup, name)
    if lookup.error is not None:
        assert type(copy.error) is type(lookup.error)
        assert (str(copy.error), copy.error.hint) == (str(lookup.error), lookup.error.hint)


async def test_stats_survive_pickling():
    bulk = client_over(ScriptedTransport()).lookup_many([EMAIL])
    await bulk
    assert pickle.loads(pickle.dumps(bulk.stats)) == bulk.stats


# The list


async def test_list_accounts_returns_every_account_by_email():
    transport = ScriptedTransport([sample("accounts.json")])
    accounts = await client_over(transport).list_accounts()
    assert list(accounts) == list(json.loads((SAMPLES / "accounts.json").read_text()))
    assert all(account.balance is None for account in accounts.values())
    assert [sent.email for sent in transport.sent] == ["accounts"]


async def test_an_empty_list_is_empty():
    assert await client_over(ScriptedTransport([Reply(200, {}, b"{}")])).list_accounts() == {}


@pytest.mark.parametrize(
    ("step", "error", "requests"),
    [
        (404, AccountNotFoundError, 1),
        (401, AuthenticationError, 1),
        (500, ServerError, 3),
        (Reply(200, {}, b"[]"), DecodeError, 1),
        (Reply(200, {}, b'{"error": "no"}'), DecodeError, 1),
    ],
)
@in_virtual_time
async def test_list_accounts_raises_what_kept_the_list_from_coming(step, error, requests):
    transport = ScriptedTransport([step])
    with pytest.raises(LTXError) as caught:
        await client_over(transport).list_accounts()
    assert type(caught.value) is error
    assert caught.value.email is None
    assert caught.value.attempts == len(transport.sent) == requests


@in_virtual_time
async def test_list_accounts_retries_and_waits_like_a_lookup(caplog):
    caplog.set_level("INFO", "ltx_async")
    transport = ScriptedTransport([500, throttled(5), Reply(200, {}, b"{}")])
    began = now()
    client = client_over(transport, retry=policy(base=2.0, jitter=0.5), concurrency=1)
    assert await client.list_accounts() == {}
    assert transport.times == [began, began + 1, began + 6.25]
    assert caplog.messages[0] == "asking again for the list in 1.0 s: HTTP 500"


@in_virtual_time
async def test_list_accounts_has_the_clients_timeout_and_deadline():
    client = client_over(ScriptedTransport([HANGS]), timeout=2, deadline=3)
    began = now()
    with pytest.raises(DeadlineError):
        await client.list_accounts()
    assert now() == began + 3
    assert [sent.timeout for sent in shared_by(client).transport.sent] == [2, pytest.approx(0.75)]


# One client for all


@in_virtual_time
async def test_lookups_the_list_and_runs_share_the_slots():
    transport = ScriptedTransport(lambda _email, _n: After(1, 404))
    client = client_over(transport, concurrency=3)
    runs = [client.lookup_many(emails(20)) for _ in range(2)]

    async def whole(bulk):
        return await bulk

    results = await asyncio.gather(
        *(whole(run) for run in runs),
        *(client.lookup(EMAIL) for _ in range(5)),
        client.list_accounts(),
        return_exceptions=True,
    )
    assert transport.most_under_way == 3
    assert [len(result) for result in results[:2]] == [20, 20]
    assert type(results[-1]) is AccountNotFoundError
    await passes()


def test_everything_public_is_importable_from_the_package():
    for name in ltx_async.__all__:
        assert getattr(ltx_async, name) is not None
    assert set(ltx_async.__all__) >= {
        *("LTXClient", "BulkLookup", "RetryPolicy", "Account", "Cookie", "Lookup", "Outcome"),
        *("AttemptStarted", "AttemptFinished", "RetryScheduled", "GateClosed", "GateOpened"),
        *("LookupFinished", "Stats"),
        *(error.__name__ for error in _subclasses(LTXError)),
    }


def _subclasses(cls):
    found = {cls}
    for sub in cls.__subclasses__():
        if sub.__module__.startswith("ltx_async.errors."):
            found |= _subclasses(sub)
    return found
