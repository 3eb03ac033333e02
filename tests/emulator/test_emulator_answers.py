"""The two endpoints answer as the vendor documents them."""

import json

import pytest
from aiohttp import ClientSession

from ltx_async.emulator import Emulator, GeneratedAccounts

NOT_FOUND = "Account configuration not found for the specified email address."


async def test_a_lookup_answers_the_documented_account(get, sample):
    response = await get("ann@example.com")

    assert response.status == 200
    assert response.content_type == "application/json"
    assert await response.json() == sample("account.json")


async def test_an_account_that_lost_its_sign_in_is_a_200_with_an_error(get, sample):
    response = await get("bob@example.com")

    assert response.status == 200
    assert await response.json() == sample("account_needs_reauth.json")


async def test_the_list_leaves_out_what_only_a_lookup_tells(emulator, get, sample):
    response = await get(path="/ltxstudio/accounts")

    listed = await response.json()
    assert response.status == 200
    assert list(listed) == ["ann@example.com", "bob@example.com"]
    assert listed["ann@example.com"] == sample("accounts.json")["ann@example.com"]


async def test_a_long_list_is_one_json_document():
    generated = GeneratedAccounts(1_201)
    async with Emulator(generated) as emulator:
        headers = {"Authorization": f"Bearer {emulator.token}"}
        async with (
            ClientSession(emulator.base_url + "/", headers=headers) as session,
            session.get("ltxstudio/accounts") as response,
        ):
            listed = json.loads(await response.read())

    assert list(listed) == list(generated)
    assert not {"balance", "latestCreatedAtMs"} & set(listed["user000001@example.com"])


async def test_an_empty_list_is_an_object_or_a_404_as_chosen(emulator, get):
    emulator.remove("ann@example.com")
    emulator.remove("bob@example.com")

    response = await get(path="/ltxstudio/accounts")
    assert (response.status, await response.json()) == (200, {})

    emulator.empty_list_status = 404
    response = await get(path="/ltxstudio/accounts")
    assert (response.status, (await response.json())["code"]) == (404, 404)


@pytest.mark.parametrize("email", ["nobody@example.com", "ANN@example.com", "ann@example.com%20"])
async def test_an_unknown_email_gets_the_documented_prose(get, email):
    response = await get(email)

    assert (response.status, response.content_type) == (404, "text/plain")
    assert await response.text() == NOT_FOUND


async def test_any_other_token_is_refused_as_documented(get, sample):
    for path in ("/ltxstudio/accounts", "/ltxstudio/accounts/ann@example.com"):
        response = await get(path=path, token="user:12345-other")
        assert (response.status, await response.json()) == (401, sample("unauthorized.json"))


async def test_a_lapsed_subscription_is_told_as_documented(emulator, get, sample):
    emulator.subscription = False

    response = await get()

    assert (response.status, await response.json()) == (402, sample("subscription_required.json"))


@pytest.mark.parametrize(
    "path", ["", "/ltxstudio/accounts/", "/ltxstudio/accounts/a/b@example.com", "/ltxstudio/x"]
)
async def test_a_wrong_url_is_a_json_404_unlike_an_unknown_account(get, path):
    response = await get(path=path)

    assert (response.status, await response.json()) == (404, {"error": "Not Found", "code": 404})


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD"])
async def test_only_get_is_allowed(get, method):
    response = await get(method=method)

    assert (response.status, response.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("segment", "email"),
    [
        ("a%2Fb@x.example.com", "a/b@x.example.com"),
        ("a%2Bb@example.com", "a+b@example.com"),
        ("a+b@example.com", "a+b@example.com"),
        ("100%25@example.com", "100%@example.com"),
        ("%252F@example.com", "%2F@example.com"),
        ("%C3%A9%3F%23@example.com", "é?#@example.com"),
        ("%2E%2E@example.com", "..@example.com"),
        ("%FF@example.com", "\udcff@example.com"),
    ],
)
async def test_the_email_is_one_segment_decoded_once(emulator, get, segment, email):
    emulator.put({"email": email, "maxJobs": 7})

    response = await get(segment)

    assert response.status == 200
    assert await response.json() == {"email": email, "maxJobs": 7}
    assert emulator.requests[-1].email == email
    assert emulator.requests[-1].path == f"/v1/ltxstudio/accounts/{segment}"


async def test_a_query_is_no_part_of_the_email(emulator, get):
    assert (await get("ann@example.com?x=1")).status == 200
    assert emulator.count("ann@example.com") == 1


async def test_accounts_change_while_it_runs(emulator, get):
    emulator.put({"email": "ann@example.com", "maxJobs": 1})
    assert await (await get()).json() == {"email": "ann@example.com", "maxJobs": 1}

    emulator.remove("ann@example.com")
    assert (await get()).status == 404

    emulator.put({"email": "cleo@example.com"})
    assert list(await (await get(path="/ltxstudio/accounts")).json()) == [
        "bob@example.com",
        "cleo@example.com",
    ]


async def test_an_account_can_stand_under_an_email_that_is_not_its_own(emulator, get):
    emulator.put({"email": "other@example.com"}, email="ann@example.com")

    assert await (await get()).json() == {"email": "other@example.com"}
