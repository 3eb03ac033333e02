"""Promise 19 for the list call: an odd entry hides no other."""

import json
import pickle

import pytest

from ltx_async import AccountList, DecodeError, Outcome

from .replies import account_body, reply
from .shell import ltx, wire_server

WELL = {"email": "ann@example.com", "maxJobs": 20}
ODD = {
    "null": None,
    "a number": 7,
    "a text": "bob",
    "an array": [],
    "nothing": {},
    "nothing known": {"plan": "x"},
    "a number as text": {**WELL, "maxJobs": "20"},
    "an empty time": {**WELL, "updatedUTC": ""},
    "a time in words": {**WELL, "tokenExpireUTC": "soon"},
    "an error that is no text": {"error": {"code": 7}},
    "an error without a word": {"error": " "},
}
BOB, EVE = "bob@example.com", "eve@example.com"


def listing(entry):
    """Answer the list with an odd entry between two that are well; Bob himself is well."""
    wire = {"ann@example.com": WELL, BOB: entry, EVE: {**WELL, "email": EVE}}

    def answer(asked):
        if asked.email == "accounts":
            return [reply(200, json.dumps(wire).encode())]
        return [reply(200, account_body(asked.email))]

    return answer


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_entry_of_the_list_hides_no_other(serve, connect, odd):
    accounts = await connect(await serve(listing(ODD[odd]))).list_accounts()
    assert list(accounts) == ["ann@example.com", EVE]
    assert list(accounts.problems) == [BOB]
    assert accounts.emails == ("ann@example.com", BOB, EVE)
    error = accounts.problems[BOB]
    assert type(error) is DecodeError
    assert (error.email, len(error.problems)) == (BOB, 1)
    assert error.problems[0] in error.message


async def test_an_entry_with_an_error_alone_is_the_account_that_its_key_names(serve, connect):
    accounts = await connect(await serve(listing({"error": "signed out"}))).list_accounts()
    assert list(accounts) == ["ann@example.com", BOB, EVE]
    assert not accounts.problems
    assert (accounts[BOB].error, accounts[BOB].needs_reauth) == ("signed out", True)


async def test_the_list_is_a_mapping_and_can_be_pickled(serve, connect):
    accounts = await connect(await serve(listing(None))).list_accounts()
    assert repr(accounts) == "<AccountList: 2 accounts, 1 problem>"
    assert (len(accounts), BOB in accounts, accounts.get(BOB)) == (2, False, None)
    again = pickle.loads(pickle.dumps(accounts))
    assert again == accounts == dict(accounts)
    assert (again.emails, list(again.problems)) == (accounts.emails, [BOB])
    assert AccountList() == {}


NO_LISTS = [
    {"error": "Unauthorized"},
    {"error": {"message": "no"}, "code": 7},
    {"accounts": [WELL]},
    WELL,
]


@pytest.mark.parametrize("body", NO_LISTS)
async def test_an_object_without_an_account_and_without_an_email_is_no_list(serve, connect, body):
    server = await serve(lambda _: [reply(200, json.dumps(body).encode())])
    with pytest.raises(DecodeError) as caught:
        await connect(server).list_accounts()
    assert caught.value.problems
    assert (caught.value.email, caught.value.attempts) == (None, 1)


@pytest.mark.parametrize("odd", ODD)
def test_check_asks_for_the_odd_one_too_and_says_that_it_is_odd(tmp_path, odd):
    with wire_server(listing(ODD[odd])) as server:
        ended = ltx("check", "--from-api", "-q", base_url=server.base_url, cwd=tmp_path)
    records = [json.loads(line) for line in ended.out.decode().splitlines()]
    assert {(one["email"], one["outcome"]) for one in records} == {
        (email, Outcome.OK) for email in ("ann@example.com", BOB, EVE)
    }
    assert ended.status == 0
    assert ended.err.startswith(b"warning: 1 odd account in the list, such as 'bob@example.com': ")


def test_a_member_that_is_no_email_is_not_asked_for(tmp_path):
    wire = {"ann@example.com": WELL, "total": 1}
    with wire_server(
        lambda asked: (
            [reply(200, json.dumps(wire).encode())]
            if asked.email == "accounts"
            else [reply(200, account_body(asked.email))]
        )
    ) as server:
        ended = ltx("check", "--from-api", base_url=server.base_url, cwd=tmp_path)
    assert (ended.status, ended.out.count(b"\n")) == (0, 1)
    assert b"odd account in the list, such as 'total': expected an object" in ended.err


@pytest.mark.parametrize("odd", ODD)
def test_watch_goes_on_and_raises_no_false_alarm(tmp_path, odd):
    with wire_server(listing(ODD[odd])) as server:
        ended = ltx(
            *("watch", "--from-api", "--rounds", "2", "--every", "0.01s", "--json"),
            base_url=server.base_url,
            cwd=tmp_path,
        )
    assert ended.out == b""  # no change, and no outage
    assert ended.status == 0
    assert b"watching 3 emails" in ended.err
    assert ended.err.count(b"odd account in the list") == 1


@pytest.mark.parametrize("odd", ODD)
def test_accounts_lists_the_others_and_says_what_is_odd(tmp_path, odd):
    with wire_server(listing(ODD[odd])) as server:
        ended = ltx("accounts", "--json", base_url=server.base_url, cwd=tmp_path)
    records = [json.loads(line) for line in ended.out.decode().splitlines()]
    assert [one["email"] for one in records] == ["ann@example.com", BOB, EVE]
    assert [one["outcome"] for one in records] == ["ok", "failed", "ok"]
    assert records[1]["error"]["type"] == "DecodeError"
    assert ended.status == 1
    assert b"warning: 1 odd account in the list" in ended.err


def test_doctor_counts_odd_accounts_and_says_so(tmp_path):
    with wire_server(listing(None)) as server:
        ended = ltx("doctor", "--json", base_url=server.base_url, cwd=tmp_path)
    findings = {one["check"]: one for one in map(json.loads, ended.out.decode().splitlines())}
    assert findings["request"]["verdict"] == "warn"
    assert findings["request"]["text"] == "3 accounts configured, 1 of them not as documented"


@pytest.mark.parametrize("error", ["", " ", "\n"])
async def test_an_error_without_a_word_is_none(serve, connect, error):
    server = await serve(lambda asked: [reply(200, account_body(asked.email, error=error))])
    lookup = await connect(server).lookup("ann@example.com")
    assert lookup.outcome is Outcome.OK
    assert not lookup.account.needs_reauth
    assert (lookup.to_row()["error"], lookup.to_row()["error_type"]) == (None, None)
    assert lookup.to_record()["account"]["error"] == error
