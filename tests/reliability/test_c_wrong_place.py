"""Promise 23, where nobody is at the base URL: that is told, and not taken for missing accounts."""

import logging

import pytest

from ltx_async import AccountNotFoundError, ConfigurationError, LTXClient, NobodyFound, Outcome

from .conftest import TOKEN
from .replies import account_body, reply
from .shell import ltx, wire_server

PROSE = b"Account configuration not found for the specified email address."
EMAILS = [f"user{number}@example.com" for number in range(40)]


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("/v1/ltxstudio", "/v1"),
        ("/v1/ltxstudio/accounts", "/v1"),
        ("/v1/LTXStudio/accounts/", "/v1"),
        ("/v1/ltxstudio/accounts/ann@example.com", "/v1"),
        ("/v1/accounts", "/v1"),
        ("/accounts/", ""),
    ],
)
def test_a_base_url_that_goes_too_far_is_refused_with_the_right_one(path, whole):
    with pytest.raises(ConfigurationError, match="goes too far") as caught:
        LTXClient(TOKEN, base_url=f"https://api.example.com{path}")
    assert f"https://api.example.com{whole} would do" in caught.value.hint


@pytest.mark.parametrize("path", ["", "/", "/v2", "/api/v1/ltx", "/accounts/v2"])
async def test_a_base_url_without_v1_at_its_end_is_warned_about_once(connect, serve, caplog, path):
    server = await serve(lambda asked: [reply(200, account_body(asked.email))])
    client = connect(f"http://127.0.0.1:{server.port}{path}")
    assert (await client.lookup("ann@example.com")).outcome is Outcome.OK
    await client.lookup("bob@example.com")
    (warning,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "does not end in /v1" in warning.getMessage()


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/proxy/v1", "/my-accounts/v1"])
async def test_a_base_url_that_ends_in_v1_is_not(connect, caplog, path):
    connect(f"https://api.example.com{path}")
    assert not caplog.records


CONFIRMED = [PROSE, b'{"error": "no such account", "code": 404}', b'{"error": {"message": "no"}}']
UNCONFIRMED = [b"", b"404 page not found", b'{"message": "Not Found"}', b"[]", b'{"error": ""}']


@pytest.mark.parametrize("body", [*CONFIRMED, *UNCONFIRMED])
async def test_a_404_is_confirmed_by_who_knows_the_api(serve, connect, body):
    server = await serve(lambda _: [reply(404, body)])
    lookup = await connect(server).lookup("ann@example.com")
    assert lookup.outcome is Outcome.NOT_FOUND
    assert isinstance(lookup.error, AccountNotFoundError)
    assert lookup.error.confirmed is (body in CONFIRMED)
    assert ("off your list" in lookup.error.hint) is (body in CONFIRMED)
    assert ("base URL" in lookup.error.hint) is (body in UNCONFIRMED)


def missing(asked):
    return [reply(404, PROSE)]


@pytest.mark.parametrize(("count", "warned"), [(2, False), (3, True), (20, True), (40, True)])
async def test_a_program_is_warned_once_and_without_a_request(
    serve, connect, caplog, count, warned
):
    server, told = await serve(missing), []
    await connect(server, on_event=told.append).lookup_many(EMAILS[:count])
    said = [one.getMessage() for one in caplog.records if "list_accounts()" in one.getMessage()]
    assert len(said) == warned
    events = [event for event in told if isinstance(event, NobodyFound)]
    assert events == [NobodyFound(min(count, 20))] * warned
    assert server.requests == count


async def test_one_that_is_found_or_fails_takes_the_doubt_away(serve, connect, caplog):
    for first in (reply(200, account_body(EMAILS[0])), reply(400, b"no")):
        server = await serve(
            lambda asked, first=first: [first] if asked.email == EMAILS[0] else missing(asked)
        )
        await connect(server, concurrency=1).lookup_many(EMAILS)
    assert "list_accounts()" not in caplog.text


LISTS = {
    "the path is wrong": (reply(404, b"404 page not found"), b"the base URL may be wrong"),
    "an API that says no": (reply(404, PROSE), b"this API token has no account configured"),
    "another token": (reply(200, b"{}"), b"this API token has no account configured"),
    "other emails": (reply(200, b'{"ann@example.com": {"maxJobs": 2}}'), b"1 account configured"),
    "retired": (reply(530, b"<html>"), b"may still be retired"),
}


def answering(listing):
    return lambda asked: [listing] if asked.email == "accounts" else missing(asked)


@pytest.mark.parametrize("listing", LISTS)
@pytest.mark.parametrize("count", [3, 19, 20, 40])
def test_check_settles_by_one_request_why_nobody_is_found(tmp_path, listing, count):
    answer, words = LISTS[listing]
    (tmp_path / "emails.txt").write_text("\n".join(EMAILS[:count]))
    options = ("--attempts", "1", "-q")
    with wire_server(answering(answer)) as server:
        ended = ltx("check", "emails.txt", *options, base_url=server.base_url, cwd=tmp_path)
    assert ended.status == 1
    assert ended.err.count(b"emails was found") == 1
    assert words in ended.err
    assert server.requests == count + 1


@pytest.mark.parametrize(("command", "count"), [("check", 2), ("get", 3), ("get", 30)])
def test_few_emails_and_get_send_no_further_request(tmp_path, command, count):
    (tmp_path / "emails.txt").write_text("\n".join(EMAILS[:count]))
    what = ["emails.txt"] if command == "check" else EMAILS[:count]
    with wire_server(missing) as server:
        ended = ltx(command, *what, "-q", base_url=server.base_url, cwd=tmp_path)
    assert server.requests == count
    assert b"emails was found" not in ended.err


def test_what_was_not_found_and_is_settled_may_still_be_found_by_a_later_one(tmp_path):
    (tmp_path / "emails.txt").write_text("\n".join(EMAILS[:10]))
    last = EMAILS[9]
    with wire_server(
        lambda asked: [reply(200, account_body(last))] if asked.email == last else missing(asked)
    ) as server:
        ended = ltx("check", "emails.txt", "-q", base_url=server.base_url, cwd=tmp_path)
    assert ended.err == b""
    assert server.requests == 10


NOT_FOUND = b'{"error": "Not found"}'


@pytest.mark.parametrize("path", ["/v2", "", "/v1/x"])
@pytest.mark.parametrize("body", [NOT_FOUND, PROSE, b"404 page not found"])
def test_where_the_base_url_is_odd_and_nothing_is_found_it_is_doubted_first(tmp_path, path, body):
    (tmp_path / "emails.txt").write_text("\n".join(EMAILS[:5]))
    with wire_server(lambda asked: [reply(404, body)]) as server:
        wrong = server.base_url.removesuffix("/v1") + path
        ended = ltx("check", "emails.txt", "-q", base_url=wrong, cwd=tmp_path)
    assert b"the base URL may be wrong" in ended.err
    assert b"no account configured" not in ended.err


LISTINGS = {
    "accounts": ["accounts"],
    "check": ["check", "--from-api"],
    "watch": ["watch", "--from-api", "--rounds", "1"],
    "watch the list": ["watch", "--list-only", "--rounds", "1"],
}


@pytest.mark.parametrize("command", LISTINGS.values(), ids=LISTINGS)
@pytest.mark.parametrize(
    ("path", "body"), [("/v1", b"404 page not found"), ("/v2", NOT_FOUND), ("", PROSE)]
)
def test_a_page_that_is_not_there_is_no_empty_list(tmp_path, command, path, body):
    with wire_server(lambda asked: [reply(404, body)]) as server:
        wrong = server.base_url.removesuffix("/v1") + path
        ended = ltx(*command, base_url=wrong, cwd=tmp_path)
    assert ended.status == 4
    assert b"no list of accounts: HTTP 404" in ended.out + ended.err
    assert b"Check the base URL" in ended.out + ended.err
    assert b"0 accounts" not in ended.err


@pytest.mark.parametrize("command", LISTINGS.values(), ids=LISTINGS)
def test_the_api_may_say_that_there_are_no_accounts(tmp_path, command):
    with wire_server(lambda asked: [reply(404, PROSE)]) as server:
        assert ltx(*command, base_url=server.base_url, cwd=tmp_path).status == 0
