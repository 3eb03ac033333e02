"""The two endpoints answer as the vendor documents them."""

import json

import pytest
from aiohttp import ClientSession

from ltx_async.emulator import EXAMPLE_TOKEN, Emulator, GeneratedAccounts

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


# The caller's own account


USAGE = "/v2/account"


@pytest.fixture
def usage(emulator):
    async def ask(token=EXAMPLE_TOKEN, method="GET"):
        url = f"http://{emulator.host}:{emulator.port}{USAGE}"
        headers = {"Authorization": f"Bearer {token}"}
        async with ClientSession() as session, session.request(method, url, headers=headers) as got:
            await got.read()
            return got

    return ask


async def test_the_caller_s_account_has_every_documented_field(usage):
    response = await usage()

    assert (response.status, response.content_type) == (200, "application/json")
    told = await response.json()
    assert {name: type(value) for name, value in told.items()} == {
        "id": int,
        "email": str,
        "name": str,
        "created": str,
        "verified": str,
        "sub": str,
        "subscriptionIsActive": bool,
        "subscriptions": int,
        "maxAccountsPerAPI": int,
        "accounts": dict,
    }
    assert told["accounts"] == {"LTX Studio API": {"total": 2, "active": 1, "error": 1}}


@pytest.mark.parametrize(
    ("count", "subscriptions"), [(0, 1), (1, 1), (3, 1), (4, 2), (300, 100), (1_201, 401)]
)
async def test_the_subscriptions_fit_the_accounts(emulator, usage, count, subscriptions):
    emulator.replace(GeneratedAccounts(count))

    told = await (await usage()).json()

    states = {"LTX Studio API": {"total": count, "active": count}} if count else {}
    assert told["accounts"] == states
    assert told["subscriptions"] == subscriptions
    assert told["maxAccountsPerAPI"] == 3 * subscriptions >= count


async def test_a_broken_account_counts_as_one_of_the_subscription_s(emulator, usage):
    emulator.replace(GeneratedAccounts(1_000, unhealthy=100))

    states = (await (await usage()).json())["accounts"]["LTX Studio API"]

    assert states["total"] == states["active"] + states["error"] == 1_000
    assert 150 < states["error"] < 350


async def test_a_lapsed_subscription_is_told_there_and_not_refused(emulator, usage):
    assert (await (await usage()).json())["subscriptionIsActive"] is True
    emulator.subscription = False

    response = await usage()

    assert (response.status, (await response.json())["subscriptionIsActive"]) == (200, False)


async def test_the_caller_s_account_needs_the_token_and_a_get(usage, sample):
    refused = await usage(token="user:12345-other")
    assert (refused.status, await refused.json()) == (401, sample("unauthorized.json"))
    assert (await usage(method="POST")).status == 405


async def test_the_caller_s_account_is_no_lookup(emulator, usage):
    emulator.script(None, 503)
    emulator.script_list(502)

    assert (await usage()).status == 200
    assert (emulator.requests[-1].path, emulator.requests[-1].email) == (USAGE, None)


async def test_accounts_can_be_replaced_as_a_whole(emulator, get):
    emulator.put({"email": "cleo@example.com"})
    emulator.replace([{"email": "dan@example.com"}])

    assert (await get()).status == 404
    assert list(await (await get(path="/ltxstudio/accounts")).json()) == ["dan@example.com"]
    with pytest.raises(ValueError, match="account 1 is not an object"):
        emulator.replace([{}])
    assert len(emulator.accounts) == 1
