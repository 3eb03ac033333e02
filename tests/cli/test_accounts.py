import asyncio
from datetime import UTC, datetime, timedelta

from command_line import healthy

from ltx_async import Account, AccountList
from ltx_async.cli.checking.counts import MOST_SHOWN
from ltx_async.cli.checking.inputs import as_lookups
from ltx_async.cli.commands import accounts as accounts_module
from ltx_async.emulator import Status


def test_every_configured_account_is_a_record_like_that_of_check(ltx, server):
    ended = ltx("accounts")
    assert ended.status == 0
    assert ended.outcomes == {"ann@example.com": "ok", "bob@example.com": "ok"}
    assert list(ended.records[0]) == [
        "email",
        "outcome",
        "status",
        "attempts",
        "elapsed_ms",
        "checked_at",
        "base_url",
        "account",
        "error",
    ]
    assert {record["base_url"] for record in ended.records} == {server.emulator.base_url}
    assert server.asked == [None]
    assert ended.err == "2 accounts, 0 to be signed in again\n"


async def test_of_a_long_list_the_loop_has_a_turn_again_and_again():
    listed = AccountList({f"{number}@example.com": Account() for number in range(3_000)})
    turns = []

    async def turn():
        while True:
            turns.append(True)
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    assert len([one async for one in as_lookups(listed, 0.1, "https://api.example.com")]) == 3_000
    turning.cancel()
    assert len(turns) == 3


def test_a_broken_account_is_exit_1(ltx, server):
    server.emulator.put(healthy("bob@example.com", error="sign in again"))
    ended = ltx("accounts", "--quiet")
    assert ended.status == 1
    assert ended.outcomes["bob@example.com"] == "needs_reauth"
    assert ended.err == ""


def test_a_terminal_gets_a_table(ltx, server, monkeypatch):
    monkeypatch.setattr(accounts_module, "is_terminal", lambda _descriptor: True)
    assert "sign-in until" in ltx("accounts").out
    assert len(ltx("accounts", "--json").records) == 2


def test_no_account_at_all_is_an_empty_list(ltx, server):
    server.emulator.script_list(Status(404))
    ended = ltx("accounts")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == "0 accounts, 0 to be signed in again\n"


def test_a_refused_token_is_exit_3(ltx, server, monkeypatch):
    monkeypatch.setenv("USEAPI_TOKEN", "user:1-wrong")
    ended = ltx("accounts")
    assert ended.status == 3
    assert ended.err.startswith("error: HTTP 401: Unauthorized. Check")


def test_a_server_that_is_not_there_is_exit_4(ltx):
    ended = ltx("accounts", "--attempts", "1")
    assert ended.status == 4
    assert ended.err.startswith("error: cannot connect")


def test_one_request_tells_whose_sign_in_ends(ltx, server):
    soon = int((datetime.now(UTC) + timedelta(days=2)).timestamp() * 1000)
    server.emulator.put(healthy("bob@example.com", refreshTokenExpire=soon))
    assert ltx("accounts", "--expires-within", "1d").status == 0
    ended = ltx("accounts", "--expires-within", "1d,7d", "--quiet")
    assert ended.status == 1
    assert ended.err.startswith("attention: bob@example.com: sign-in ends in 2 days (")
    assert len(ended.err.splitlines()) == 1
    assert server.asked == [None, None]


def test_the_command_that_lists_all_who_need_somebody_has_the_threshold(ltx, server):
    soon = int((datetime.now(UTC) + timedelta(days=2)).timestamp() * 1000)
    for number in range(MOST_SHOWN + 3):
        server.emulator.put(healthy(f"user{number}@example.com", refreshTokenExpire=soon))
    last = ltx("accounts", "--expires-within", "7d").err.splitlines()[-1]
    words = "more: ltx-async check --from-api --expires-within 7d --summary-json FILE has all"
    assert last.endswith(words)


def test_the_list_has_no_balance_to_be_told_of(ltx, server):
    ended = ltx("accounts", "--min-balance", "10")
    assert ended.status == 2
    assert "check --from-api --min-balance" in ended.err
    assert server.asked == []
