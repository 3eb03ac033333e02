"""What applications test with works in their own pytest runs."""

import json
import re
import subprocess
import sys
import textwrap
import urllib.request

import pytest
from aiohttp import ClientSession, ServerDisconnectedError
from patience import LONG, in_time

import ltx_async.testing
from ltx_async import (
    AccountNotFoundError,
    ConfigurationError,
    DecodeError,
    InvalidEmailError,
    LTXClient,
    Outcome,
)
from ltx_async.extras import install_command

pytest_plugins = ["ltx_async.testing"]

ANN = "ann@example.com"
ACCOUNT = {"email": ANN, "balance": {"LTXStudio_token": 150}}
EXAMPLE = textwrap.dedent(
    re.search(r"\n(    pytest_plugins.*?\n)\n\S", ltx_async.testing.__doc__, re.DOTALL)[1]
)


async def test_the_client_asks_the_emulator(ltx_emulator, ltx_client):
    ltx_emulator.put(ACCOUNT)
    assert (await ltx_client.fetch_account(ANN)).token_balance == 150
    assert ltx_emulator.count(ANN) == 1


async def test_a_client_of_ones_own_finds_the_emulator_too(ltx_emulator):
    ltx_emulator.put(ACCOUNT)
    async with LTXClient() as client:
        assert (await client.lookup(ANN)).outcome is Outcome.OK


async def test_what_fails_is_repeated_without_waiting(ltx_emulator, ltx_client):
    ltx_emulator.put(ACCOUNT)
    ltx_emulator.script(ANN, 503, 429)
    lookup = await ltx_client.lookup(ANN)
    assert (lookup.outcome, lookup.attempts) == (Outcome.OK, 3)
    assert in_time(lookup.elapsed, 1)


def test_synchronous_code_gets_answers_while_the_test_blocks(ltx_emulator):
    ltx_emulator.put(ACCOUNT)
    request = urllib.request.Request(
        f"{ltx_emulator.base_url}/ltxstudio/accounts",
        headers={"Authorization": f"Bearer {ltx_emulator.token}"},
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        assert json.load(reply) == {ANN: {"email": ANN}}


@pytest.fixture(params=["ann+b@example.com", "a/b?c#d%e@example.com", "\u00e9@example.com"])
def odd_email(request):
    return request.param


async def test_a_mocked_account_is_found_however_odd_its_email(ltx_mock, odd_email):
    ltx_mock.put(ACCOUNT | {"email": odd_email})
    async with LTXClient() as client:
        for _ in range(2):
            assert (await client.fetch_account(odd_email)).email == odd_email


async def test_mocked_answers_come_once_and_in_order(ltx_mock):
    ltx_mock.answer(ANN, 404, body="nobody")
    ltx_mock.answer(ANN, exception=ServerDisconnectedError())
    ltx_mock.answer(ANN, payload=ACCOUNT)
    async with LTXClient(retry=ltx_async.testing.QUICK) as client:
        with pytest.raises(AccountNotFoundError, match="nobody"):
            await client.fetch_account(ANN)
        assert (await client.lookup(ANN)).attempts == 2
    assert sum(map(len, ltx_mock.mock.requests.values())) == 3


async def test_the_list_and_a_borrowed_session_are_mocked_too(ltx_mock):
    ltx_mock.answer(None, payload={ANN: ACCOUNT})
    ltx_mock.put(ACCOUNT, email="bob@example.com")
    async with ClientSession() as session, LTXClient(session=session) as client:
        assert list(await client.list_accounts()) == [ANN]
        assert (await client.lookup("bob@example.com")).outcome is Outcome.FAILED  # ann's account


def test_an_email_that_no_client_would_send_is_refused(ltx_mock):
    with pytest.raises(InvalidEmailError):
        ltx_mock.put({"email": "../x"})


# In a run of its own


OPTIONS = ["-p", "no:cacheprovider", "-p", "no:randomly", "-o", "asyncio_mode=auto",
           "-o", "asyncio_default_fixture_loop_scope=function", "-W", "error"]  # fmt: skip


def run_pytest(directory, code):
    (directory / "test_app.py").write_text(code)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *OPTIONS, "test_app.py"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def test_the_example_of_the_documentation_runs(tmp_path):
    assert "ltx_client.fetch_account" in EXAMPLE
    done = run_pytest(tmp_path, EXAMPLE)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_a_test_that_leaves_the_server_busy_leaves_no_thread_and_no_warning(tmp_path):
    code = """
import asyncio, threading, pytest
pytest_plugins = ["ltx_async.testing"]

async def test_busy(ltx_emulator, ltx_client):
    ltx_emulator.latency = 60
    task = asyncio.create_task(ltx_client.lookup("ann@example.com"))
    await asyncio.sleep(0.05)
    task.cancel()

def test_over():
    assert "ltx_emulator" not in {thread.name for thread in threading.enumerate()}
"""
    done = run_pytest(tmp_path, code)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_what_is_missing_fails_the_test_that_needs_it(monkeypatch):
    monkeypatch.setattr(ltx_async.testing, "find_spec", lambda _name: None)
    with pytest.raises(pytest.fail.Exception, match=re.escape(install_command("testing"))):
        next(ltx_async.testing.ltx_mock.__wrapped__(monkeypatch))


@pytest.mark.parametrize(
    ("package", "module", "fixture"),
    [
        ("aioresponses", "aioresponses", "ltx_mock"),
    ],
)
def test_what_is_missing_is_named_in_one_line(tmp_path, package, module, fixture):
    code = f"""
from importlib import util
find = util.find_spec
util.find_spec = lambda name, *more: None if name == {module!r} else find(name, *more)
pytest_plugins = ["ltx_async.testing"]

def test_it({fixture}):
    pass
"""
    done = run_pytest(tmp_path, code)
    assert done.returncode == 1
    assert f"{package} is missing; do: {install_command('testing')}" in done.stdout
    assert "Traceback" not in done.stdout


SCOPES = ("function", "class", "module", "session")
IN_EVERY_LOOP = """
import asyncio, threading, pytest, pytest_asyncio
pytest_plugins = ["ltx_async.testing"]
ANN = "ann@example.com"

@pytest_asyncio.fixture(loop_scope="LOOP")
async def account(ltx_emulator):
    ltx_emulator.put({"email": ANN})
    return ANN

class TestEach:
""" + "".join(
    f"""
    @pytest.mark.asyncio(loop_scope="{scope}")
    @pytest.mark.parametrize("again", [1, 2])
    async def test_{scope}(self, ltx_client, account, again):
        lookups = await ltx_client.lookup_all([account] * 5)
        assert [one.outcome for one in lookups] == ["ok"] * 5
"""
    for scope in SCOPES
)


@pytest.mark.parametrize("fixtures", SCOPES)
def test_the_client_is_used_and_closed_in_the_loop_of_the_test_whatever_its_scope(
    tmp_path, fixtures
):
    code = IN_EVERY_LOOP.replace('"LOOP"', repr(fixtures))
    done = run_pytest(tmp_path, code)
    assert "8 passed" in done.stdout, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower(), done.stdout


async def test_what_is_put_is_in_the_list_and_an_answer_goes_first(ltx_mock):
    ltx_mock.put(ACCOUNT)
    ltx_mock.put(ltx_async.testing.account({"email": "bob@example.com", "maxJobs": 3}))
    ltx_mock.answer(ANN, 404)
    async with LTXClient() as client:
        listed = await client.list_accounts()
        assert [*listed] == [ANN, "bob@example.com"]
        assert listed[ANN].balance is None
        assert listed["bob@example.com"].max_jobs == 3
        assert (await client.lookup(ANN)).outcome is Outcome.NOT_FOUND
        assert (await client.fetch_account(ANN)).token_balance == 150


async def test_what_nobody_mocked_is_told_at_once(ltx_mock):
    ltx_mock.put(ACCOUNT)
    async with LTXClient() as client:
        with pytest.raises(ConfigurationError, match="nothing is mocked for zed@") as caught:
            await client.lookup("zed@example.com")
        with pytest.raises(ConfigurationError, match="nothing is mocked for zed@"):
            await client.lookup_all([ANN, "zed@example.com"])
    assert "ltx_mock.put" in caught.value.hint
    assert "zed@example.com" in str(caught.value)


async def test_an_unmocked_list_is_told_too(ltx_mock):
    async with LTXClient() as client:
        with pytest.raises(ConfigurationError, match="nothing is mocked for the list"):
            await client.list_accounts()


def test_a_mocked_base_url_cannot_be_reached_whatever_the_transport(ltx_mock):
    assert ltx_mock.url(None).host.endswith(".invalid")
    assert ".invalid/" in repr(LTXClient(transport="direct"))


def test_values_for_fakes_are_those_of_a_client():
    account, lookup = ltx_async.testing.account, ltx_async.testing.lookup
    found = lookup(account(ACCOUNT))
    assert (found.email, found.outcome, found.account.token_balance) == (ANN, Outcome.OK, 150)
    broken = lookup(account(ACCOUNT | {"error": "signed out"}), index=3)
    assert (broken.outcome, broken.index) == (Outcome.NEEDS_REAUTH, 3)
    error = AccountNotFoundError("HTTP 404")
    missing = lookup(error, email="zed@example.com")
    assert (missing.outcome, missing.status) == (Outcome.NOT_FOUND, 404)
    assert (missing.error.email, error.email) == ("zed@example.com", None)
    with pytest.raises(DecodeError):
        account({"email": 7})
