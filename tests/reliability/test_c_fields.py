"""Promise 20: absent and null are None; a wrong type is an error that names the path alone."""

import json

import pytest

from ltx_async import DecodeError, Outcome

from .replies import reply
from .wire import in_turn

MARK = "canary-of-a-value"
WRONG = {
    "a boolean": True,
    "an integer": 271_828_182_845,
    "a fraction": 2.718281828,
    "a string": MARK,
    "an array": [MARK],
    "an object": {MARK: MARK},
}
FIELDS = {
    "email": ("email", {"a string"}),
    "cookie": ("cookie", {"an object"}),
    "maxJobs": ("max_jobs", {"an integer"}),
    "updated": ("updated_at", {"an integer"}),
    "updatedUTC": ("updated_at", set()),
    "tokenExpire": ("token_expires_at", {"an integer"}),
    "tokenExpireUTC": ("token_expires_at", set()),
    "refreshTokenExpire": ("refresh_token_expires_at", {"an integer"}),
    "refreshTokenExpireUTC": ("refresh_token_expires_at", set()),
    "balance": ("balance", {"an object"}),
    "latestCreatedAtMs": ("latest_created_at_ms", {"an object"}),
    "error": ("error", {"a string"}),
}
CASES = [
    pytest.param(field, value, id=f"{field} is {kind}")
    for field, (_, right) in FIELDS.items()
    for kind, value in WRONG.items()
    if kind not in right
]
INSIDE = [
    ("cookie.lt_token", {"cookie": {"lt_token": 1}}),
    ("cookie.lt_refresh_token", {"cookie": {"lt_refresh_token": [MARK]}}),
    ("balance.LTXStudio_token", {"balance": {"LTXStudio_token": MARK}}),
    ("balance.LTXStudio_token", {"balance": {"LTXStudio_token": True}}),
    ("latestCreatedAtMs.LTXStudio_token", {"latestCreatedAtMs": {"LTXStudio_token": 1.5}}),
    ("latestCreatedAtMs.LTXStudio_token", {"latestCreatedAtMs": {"LTXStudio_token": True}}),
]
TOO_FAR = [10**15, -(10**15), 2**63 - 1, -(2**63), 253_402_300_800_000]


def wire_with(**fields) -> bytes:
    return json.dumps({"email": "ann@example.com", **fields}).encode()


async def lookup_of(serve, connect, body):
    server = await serve(in_turn([reply(200, body)]))
    return await connect(server).lookup("ann@example.com")


def assert_refused(lookup, path):
    assert (lookup.outcome, type(lookup.error)) == (Outcome.FAILED, DecodeError)
    assert [problem.partition(":")[0] for problem in lookup.error.problems] == [path]
    said = f"{lookup.error} {lookup.error.problems} {lookup.error.hint} {lookup!r}"
    assert MARK not in said
    assert str(WRONG["an integer"]) not in said
    assert str(WRONG["a fraction"]) not in said


@pytest.mark.parametrize(("field", "value"), CASES)
async def test_a_wrong_type_names_the_path_and_not_the_value(serve, connect, field, value):
    assert_refused(await lookup_of(serve, connect, wire_with(**{field: value})), field)


@pytest.mark.parametrize(("path", "fields"), INSIDE)
async def test_a_wrong_type_inside_a_field_is_named_too(serve, connect, path, fields):
    assert_refused(await lookup_of(serve, connect, wire_with(**fields)), path)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00"])
async def test_a_date_that_is_none_is_refused(serve, connect, text):
    assert_refused(await lookup_of(serve, connect, wire_with(updatedUTC=text)), "updatedUTC")


@pytest.mark.parametrize("value", TOO_FAR)
@pytest.mark.parametrize("field", ["updated", "tokenExpire", "refreshTokenExpire"])
async def test_a_timestamp_out_of_range_is_refused(serve, connect, field, value):
    assert_refused(await lookup_of(serve, connect, wire_with(**{field: value})), field)


@pytest.mark.parametrize(("field", "name"), [(field, name) for field, (name, _) in FIELDS.items()])
async def test_absent_and_null_are_none(serve, connect, field, name):
    wire = {"email": "ann@example.com", "maxJobs": 3}
    wire.pop(field, None)
    for body in (wire, {**wire, field: None}):
        lookup = await lookup_of(serve, connect, json.dumps(body).encode())
        assert lookup.outcome is Outcome.OK
        assert getattr(lookup.account, name) is None


async def test_nothing_is_coerced_on_the_way(serve, connect):
    wire = {"email": "ann@example.com", "maxJobs": 3, "later": {"x": [1, 2.5, None, "7", True]}}
    lookup = await lookup_of(serve, connect, json.dumps(wire).encode())
    assert lookup.account.to_wire(include_secrets=True) == wire
    assert lookup.account.extra == {"later": wire["later"]}
