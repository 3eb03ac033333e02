"""Promise 41: a name that moves is found again, and a resolver that hangs holds nobody up."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from patience import LONG, in_time, until

from ltx_async import LTXClient, OutageRule, Outcome, RetryPolicy, RetryScheduled
from ltx_async.transport.names import Resolver
from ltx_async.transport.pool import Wiring

from .conftest import TOKEN
from .replies import ok
from .wire import HANG

NAME = "api.test"
OLD, NEW = "127.0.0.2", "127.0.0.3"
SILENT_NAMES = Path(__file__).parent / "programs" / "silent_names.py"
ENVIRONMENT = {"USEAPI_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}


@pytest.fixture
def names(monkeypatch):
    """A name server of one name; the last of its addresses is the one that it has now."""
    addresses = [OLD]
    asked = []

    def found(host, port, *_arguments, **_options):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (addresses[-1], port))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return SimpleNamespace(addresses=addresses, asked=asked)


def at(server) -> str:
    return f"http://{NAME}:{server.port}/v1"


async def test_a_name_that_moves_while_nobody_listens_is_asked_for_again(serve, connect, names):
    server = await serve(ok, address=NEW)

    def move(event) -> None:
        if isinstance(event, RetryScheduled):
            names.addresses.append(NEW)

    client = connect(at(server), allow_http=True, on_event=move)
    lookup = await client.lookup("ann@example.com")
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 2)
    assert names.asked == [NAME] * 2


async def test_a_name_that_moves_away_from_a_silent_server_is_asked_for_again(
    serve, connect, names
):
    old = await serve(lambda _asked: [HANG], address=OLD)
    new = await serve(ok, address=NEW, port=old.port)

    def move(event) -> None:
        if isinstance(event, RetryScheduled):
            names.addresses.append(NEW)

    client = connect(at(old), allow_http=True, timeout=0.2, on_event=move)
    lookup = await client.lookup("ann@example.com")
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 2)
    assert (old.requests, new.requests) == (1, 1)


async def test_a_server_that_moves_in_mid_run_answers_every_email(serve, connect, names):
    old = await serve(ok, address=OLD)
    client = connect(
        at(old),
        allow_http=True,
        concurrency=5,
        outage=OutageRule(patience=30, probe_base=0.02, probe_cap=0.05),
    )
    lookups = []
    async with client.lookup_many(f"{number}@example.com" for number in range(200)) as run:
        async for lookup in run:
            lookups.append(lookup)
            if len(lookups) == 50:
                await old.stop()
                new = await serve(ok, address=NEW, port=old.port)
                names.addresses.append(NEW)
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert len(lookups) == 200
    assert new.requests >= 100


async def test_while_it_answers_a_name_is_asked_for_once(serve, connect, names):
    server = await serve(ok, address=OLD)
    client = connect(at(server), allow_http=True, concurrency=4)
    await client.lookup_many(f"{number}@example.com" for number in range(50))
    assert names.asked == [NAME]


# A resolver that hangs


def silent(tmp_path, *arguments: str, **settings):
    """Start `ltx-async` where no name is ever found, and wait until one is asked for."""
    marker = tmp_path / "asked"
    process = subprocess.Popen(
        [sys.executable, str(SILENT_NAMES), str(marker), *arguments],
        env=ENVIRONMENT,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **settings,
    )
    until(marker.exists)
    return process


@pytest.mark.parametrize("kind", ["session", "direct"])
def test_a_resolver_that_hangs_holds_up_no_signal(tmp_path, kind):
    (tmp_path / "emails.txt").write_text("no address\nann@example.com\n")
    asking = ["--base-url", "https://api.test/v1", "--transport", kind]
    process = silent(tmp_path, "check", "emails.txt", "-o", "out.jsonl", *asking)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=LONG)
    assert in_time(time.monotonic() - sent, 5)
    assert process.returncode == 143, err
    assert b"Traceback" not in err
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["invalid"]


@pytest.mark.parametrize("kind", ["session", "direct"])
def test_a_resolver_that_hangs_does_not_hold_up_the_end(tmp_path, kind):
    asking = ["--base-url", "https://api.test/v1", "--transport", kind, "--timeout", "0.2"]
    began = time.monotonic()
    process = silent(tmp_path, "accounts", "--attempts", "1", *asking)
    _, err = process.communicate(timeout=LONG)
    assert in_time(time.monotonic() - began, 15)
    assert process.returncode == 4, err
    assert b"no whole reply in time" in err


async def test_who_asks_a_resolver_that_hangs_can_be_cancelled(monkeypatch, transport):
    asked, done = threading.Event(), threading.Event()

    def slow(*_arguments, **_options):
        asked.set()
        done.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    policy = RetryPolicy(attempts=1)
    async with LTXClient(
        TOKEN, base_url="https://api.test/v1", transport=transport, retry=policy
    ) as client:
        task = asyncio.create_task(client.lookup("ann@example.com"))
        while not asked.is_set():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    done.set()  # what it says now concerns nobody


async def test_a_machine_without_a_thread_left_is_a_connection_that_is_tried_again(
    serve, connect, names, monkeypatch
):
    start, refused = threading.Thread.start, []

    def refuse_once(thread):
        if thread.name == "ltx_async names" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    server = await serve(ok, address=OLD)
    (lookup,) = await connect(at(server), allow_http=True).lookup_many(["ann@example.com"])
    assert (lookup.outcome, lookup.attempts, len(refused)) == (Outcome.OK, 2, 1)


async def test_addresses_that_are_forgotten_while_somebody_waits_for_them_are_asked_for_again(
    serve, connect, names, monkeypatch
):
    open_pool, resolve, pools = Wiring.connector, Resolver.resolve, []

    async def forgotten_once(self, *args, **options):
        addresses = await resolve(self, *args, **options)
        if len(names.asked) == 1:  # before who waits is woken
            asyncio.get_running_loop().call_soon(pools[0].clear_dns_cache)
        return addresses

    monkeypatch.setattr(Resolver, "resolve", forgotten_once)
    monkeypatch.setattr(Wiring, "connector", lambda self: pools.append(open_pool(self)) or pools[0])
    client = connect(at(await serve(ok, address=OLD)), allow_http=True, concurrency=3)
    lookups = await client.lookup_many([f"{number}@example.com" for number in range(3)])
    assert [(one.outcome, one.attempts) for one in lookups] == [(Outcome.OK, 1)] * 3
    assert len(names.asked) == 2
