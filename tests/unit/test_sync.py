"""`ltx_async.sync`: the client for programs without an event loop."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import get_type_hints

import pytest

from ltx_async import AccountNotFoundError, ConfigurationError, Lookup
from ltx_async import LTXClient as AsyncClient
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator, GeneratedAccounts
from ltx_async.sync import LTXClient

EMAILS = [f"user{number:06}@example.com" for number in range(1, 41)]


@pytest.fixture(params=["session", "direct"])
def client(request: pytest.FixtureRequest) -> Iterator[LTXClient]:
    with (
        Emulator(GeneratedAccounts(40)) as emulator,
        LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url, transport=request.param) as client,
    ):
        yield client


ITERATES, OWN_WORDS = {"lookup_many"}, {"lookup_many", "lookup_all"}


@pytest.mark.parametrize(
    "name", ["__init__", "lookup", "fetch_account", "list_accounts", "lookup_many", "lookup_all"]
)
def test_a_method_has_the_signature_of_the_asynchronous_one_and_tells_what_it_does(
    name: str,
) -> None:
    ours, theirs = getattr(LTXClient, name), getattr(AsyncClient, name)
    given, expected = inspect.signature(ours), inspect.signature(theirs)
    assert given.parameters == expected.parameters
    assert (given.return_annotation != expected.return_annotation) == (name in ITERATES)
    assert (ours.__doc__ != theirs.__doc__) == (name in OWN_WORDS)
    assert not any(word in (ours.__doc__ or "") for word in ("await", "coroutine", "BulkLookup"))
    assert not inspect.iscoroutinefunction(ours)


def test_what_lookup_many_gives_is_what_its_signature_says(client: LTXClient) -> None:
    returned = Generator[Lookup, None, None]
    assert inspect.signature(LTXClient.lookup_many).return_annotation == returned
    assert get_type_hints(LTXClient.lookup_many)["return"] == returned
    lookups = client.lookup_many(EMAILS)
    assert isinstance(lookups, Generator)
    lookups.close()


def ask_everything(client: LTXClient) -> None:
    assert client.fetch_account(EMAILS[0]).email == EMAILS[0]
    assert client.lookup(EMAILS[1]).email == EMAILS[1]
    assert set(client.list_accounts().emails) == set(EMAILS)
    assert [lookup.email for lookup in client.lookup_all(EMAILS)] == EMAILS
    assert sorted(lookup.email for lookup in client.lookup_many(EMAILS)) == EMAILS
    with pytest.raises(AccountNotFoundError):
        client.fetch_account("nobody@example.com")


def test_everything_can_be_asked(client: LTXClient) -> None:
    ask_everything(client)


def test_it_works_where_a_loop_is_running(client: LTXClient) -> None:
    async def cell() -> None:
        ask_everything(client)

    asyncio.run(cell())


def test_threads_share_a_client(client: LTXClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert [lookup.email for lookup in pool.map(client.lookup, EMAILS)] == EMAILS


@pytest.mark.parametrize("used", [False, True])
def test_a_closed_client_refuses_many_emails_at_once(client: LTXClient, used: bool) -> None:
    if used:
        client.lookup(EMAILS[0])
    client.close()
    with pytest.raises(ConfigurationError, match="the client is closed"):
        client.lookup_many(EMAILS)


def test_an_iteration_that_is_left_ends_its_run(client: LTXClient) -> None:
    taken: list[str] = []

    def source() -> Iterator[str]:
        for number in range(100_000):
            taken.append(EMAILS[number % 40])
            yield taken[-1]

    lookups = client.lookup_many(source())
    next(lookups)
    lookups.close()
    count = len(taken)
    assert client.lookup(EMAILS[0]).account is not None
    assert len(taken) == count < 1000


def test_a_closed_client_says_so_and_leaves_no_thread(client: LTXClient) -> None:
    lookups = client.lookup_many(EMAILS)
    next(lookups)
    client.close()
    client.close()
    assert "ltx_async.sync" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConfigurationError, match="closed"):
        client.lookup(EMAILS[0])
    with pytest.raises(ConfigurationError, match="closed"):
        client.lookup_many(EMAILS)
    with pytest.raises(ConfigurationError, match="closed"):
        next(lookups)


def test_closing_ends_what_other_threads_wait_for() -> None:
    with (
        Emulator(GeneratedAccounts(1), latency=30) as emulator,
        ThreadPoolExecutor(1) as pool,
        LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url) as client,
    ):
        waiting = pool.submit(client.lookup, EMAILS[0])
        while not emulator.requests:
            time.sleep(0.01)
        client.close()
        with pytest.raises(ConfigurationError, match="closed"):
            waiting.result(5)


def test_on_event_must_not_wait_for_its_own_client() -> None:
    said: list[object] = []

    def ask(_: object) -> None:
        try:
            client.lookup(EMAILS[0])
        except ConfigurationError as error:
            said.append(error)

    with (
        Emulator(GeneratedAccounts(1)) as emulator,
        LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url, on_event=ask) as client,
    ):
        client.lookup(EMAILS[0])
    assert "must not wait" in str(said[0])


def test_a_borrowed_session_and_a_pickle_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="borrowed"):
        LTXClient(EXAMPLE_TOKEN, session=object())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="pickled"):
        LTXClient(EXAMPLE_TOKEN).__reduce__()


def test_a_forgotten_client_warns() -> None:
    with Emulator(GeneratedAccounts(1)) as emulator:
        client = LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url)
        client.lookup(EMAILS[0])
        thread = client._thread
        with pytest.warns(ResourceWarning, match="unclosed"):
            del client
        thread.join(5)
        assert not thread.is_alive()


BEGIN = """
import os, signal, threading
from ltx_async import ConfigurationError
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator, GeneratedAccounts
from ltx_async.sync import LTXClient
email = "user000001@example.com"
"""
FORK = """
with (
    Emulator(GeneratedAccounts(1)) as emulator,
    LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url) as client,
):
    client.lookup(email)
    if (child := os.fork()) == 0:
        try:
            client.lookup(email)
        except ConfigurationError as error:
            client.close()
            os._exit(7 if "forked" in str(error) else 1)
        os._exit(2)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), client.lookup(email).outcome)
"""
INTERRUPT = """
with (
    Emulator(GeneratedAccounts(1), latency=30) as emulator,
    LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url) as client,
):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        CALL
    except KeyboardInterrupt:
        print("interrupted")
"""


def run_program(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_fork_is_noticed() -> None:
    assert run_program(FORK) == "7 ok"


@pytest.mark.parametrize("call", ["client.lookup(email)", "list(client.lookup_many([email]))"])
def test_an_interrupt_cancels_what_is_under_way(call: str) -> None:
    assert run_program(INTERRUPT.replace("CALL", call)) == "interrupted"
