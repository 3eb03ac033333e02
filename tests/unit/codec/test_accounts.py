"""A decoded object becomes an `Account`: strictly, and nothing else does."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.codec.accounts import FIELDS, json_type, structure_account
from ltx_async.models import Account, Cookie

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
CANARY = "canary-0123456789"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOWEST_MS, HIGHEST_MS = -62135596800000, 253402300799999

MOMENT = "2025-06-03T12:13:14.000Z"
WRONG = {
    "a boolean": [True, False],
    "an integer": [0, 7, -1, 2**64 - 1],
    "a fraction": [7.5, 20.0, -0.0],
    "a string": [CANARY, "", "7", "null"],
    "an array": [[], [CANARY], [["x"]]],
    "an object": [{}, {"LTXStudio_token": CANARY}, {CANARY: [1]}],
}
EXPECTED = {
    "email": ("a string", {"a string"}),
    "cookie": ("an object", {"an object"}),
    "maxJobs": ("an integer", {"an integer"}),
    "updated": ("an integer of epoch milliseconds", {"an integer"}),
    "updatedUTC": ("an ISO 8601 date-time", {"a string"}),
    "tokenExpire": ("an integer of epoch milliseconds", {"an integer"}),
    "tokenExpireUTC": ("an ISO 8601 date-time", {"a string"}),
    "refreshTokenExpire": ("an integer of epoch milliseconds", {"an integer"}),
    "refreshTokenExpireUTC": ("an ISO 8601 date-time", {"a string"}),
    "balance": ("an object", {"an object"}),
    "latestCreatedAtMs": ("an object", {"an object"}),
    "error": ("a string", {"a string"}),
}
INNER = {
    ("cookie", "lt_id"): ("a string", {"a string"}),
    ("cookie", "lt_token"): ("a string", {"a string"}),
    ("cookie", "lt_refresh_token"): ("a string", {"a string"}),
    ("cookie", "lt_new"): ("a string", {"a string"}),
    ("balance", "LTXStudio_token"): ("a number", {"an integer", "a fraction"}),
    ("latestCreatedAtMs", "LTXStudio_token"): ("an integer of epoch milliseconds", {"an integer"}),
}
ATTRIBUTES = {
    "email": "email",
    "cookie": "cookie",
    "maxJobs": "max_jobs",
    "updated": "updated_at",
    "updatedUTC": "updated_at",
    "tokenExpire": "token_expires_at",
    "tokenExpireUTC": "token_expires_at",
    "refreshTokenExpire": "refresh_token_expires_at",
    "refreshTokenExpireUTC": "refresh_token_expires_at",
    "balance": "balance",
    "latestCreatedAtMs": "latest_created_at_ms",
    "error": "error",
}
TIMES = [
    ("updated", "updatedUTC", "updated_at"),
    ("tokenExpire", "tokenExpireUTC", "token_expires_at"),
    ("refreshTokenExpire", "refreshTokenExpireUTC", "refresh_token_expires_at"),
]


def sample(name):
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def wrong_cases(expectations):
    return [
        (where, value, f"expected {expected}, got {kind}")
        for where, (expected, fine) in expectations.items()
        for kind, values in WRONG.items()
        if kind not in fine
        for value in values
    ]


def test_the_documented_fields_are_all_of_them():
    assert set(EXPECTED) == set(ATTRIBUTES) == FIELDS
    assert set(sample("account_full.json")) - FIELDS == {"plan"}


def test_the_documented_sample_is_read_in_full():
    assert structure_account(sample("account.json")) == Account(
        email="ann@example.com",
        cookie=Cookie("user123", "…secured…", "…secured…"),
        max_jobs=20,
        updated_at=datetime(2025, 6, 3, 12, 13, 14, tzinfo=UTC),
        token_expires_at=datetime(2025, 7, 3, 12, 13, 14, tzinfo=UTC),
        balance={"LTXStudio_token": 150},
        latest_created_at_ms={"LTXStudio_token": 1717401194000},
    )


def test_every_known_field_is_read_and_unknown_ones_are_kept():
    account = structure_account(sample("account_full.json"))
    assert account.cookie.extra == {"lt_extra": "kept"}
    assert account.updated_at == datetime(2025, 6, 3, 12, 13, 14, tzinfo=UTC)
    assert account.token_expires_at == datetime(2025, 7, 3, 12, 13, 14, tzinfo=UTC)
    assert account.refresh_token_expires_at == datetime(2025, 9, 1, 12, 13, 14, tzinfo=UTC)
    assert account.balance == {"LTXStudio_token": 150, "other_token": 7.5}
    assert account.token_balance == 150
    assert account.latest_created_at == datetime(2024, 6, 3, 7, 53, 14, tzinfo=UTC)
    assert account.extra == {"plan": {"name": "kept although unknown"}}
    assert not account.needs_reauth


def test_a_broken_account_is_data():
    account = structure_account(sample("account_needs_reauth.json"))
    assert account.error == "Session refresh failed, manual update required"
    assert account.needs_reauth
    assert (account.token_expires_at, account.balance) == (None, None)


@pytest.mark.parametrize("field", sorted(EXPECTED))
def test_an_absent_or_null_field_is_none(field):
    wire = sample("account_full.json") | {"error": "x"}
    for other, twin, _ in TIMES:
        if field in (other, twin):
            wire = {k: v for k, v in wire.items() if k not in (other, twin)}
    absent = structure_account({k: v for k, v in wire.items() if k != field})
    null = structure_account(wire | {field: None})
    assert getattr(absent, ATTRIBUTES[field]) is None
    assert null == absent


@pytest.mark.parametrize("name", ["lt_id", "lt_token", "lt_refresh_token"])
def test_an_absent_or_null_part_of_the_cookie_is_none(name):
    whole = {"lt_id": "a", "lt_token": "b", "lt_refresh_token": "c"}
    null = structure_account({"cookie": whole | {name: None}})
    absent = structure_account({"cookie": {k: v for k, v in whole.items() if k != name}})
    assert null == absent
    assert getattr(null.cookie, name) is None
    assert len([value for value in vars_of(null.cookie) if value]) == 2


def vars_of(cookie):
    return (cookie.lt_id, cookie.lt_token, cookie.lt_refresh_token)


def test_unknown_parts_of_the_cookie_are_kept_unless_null():
    wire = {"cookie": {"new": "x", "gone": None}}
    account = structure_account(wire, json.dumps(wire).encode())
    assert account.cookie == Cookie(extra={"new": "x"})
    assert account.to_wire(include_secrets=True) == wire


@pytest.mark.parametrize(("field", "value", "problem"), wrong_cases(EXPECTED))
def test_a_wrong_type_is_named_by_path_never_coerced_never_quoted(field, value, problem):
    for wire in ({field: value}, sample("account_full.json") | {field: value}):
        problems = structure_account(wire)
        assert problems == [f"{field}: {problem}"]


@pytest.mark.parametrize(("path", "value", "problem"), wrong_cases(INNER))
def test_a_wrong_type_inside_is_named_by_its_whole_path(path, value, problem):
    wire = sample("account_full.json")
    wire[path[0]][path[1]] = value
    assert structure_account(wire) == [f"{'.'.join(path)}: {problem}"]


@pytest.mark.parametrize("value", [None, *WRONG["an integer"], *WRONG["a fraction"]])
def test_a_balance_is_any_number_as_it_came_or_none(value):
    account = structure_account({"balance": {"LTXStudio_token": value}})
    assert repr(account.token_balance) == repr(value)


@pytest.mark.parametrize("field", ["balance", "latestCreatedAtMs"])
def test_other_kinds_of_balance_are_kept_as_they_are(field):
    kinds = {"other": "text", "nested": {"x": [1]}, "LTXStudio_token": None}
    assert getattr(structure_account({field: kinds}), ATTRIBUTES[field]) == kinds


def test_every_wrong_field_is_listed_once_in_the_documented_order():
    wire = {field: [CANARY] for field in reversed(EXPECTED)}
    problems = structure_account(wire)
    assert [problem.partition(":")[0] for problem in problems] == list(EXPECTED)
    assert CANARY not in str(problems)


@pytest.mark.parametrize(("field", "_twin", "attribute"), TIMES)
@pytest.mark.parametrize("value", [LOWEST_MS, -1, 0, 1748952794000, HIGHEST_MS])
def test_milliseconds_are_read_exactly(field, _twin, attribute, value):
    moment = getattr(structure_account({field: value}), attribute)
    assert moment.tzinfo is UTC
    assert (moment - EPOCH) // timedelta(milliseconds=1) == value


@pytest.mark.parametrize(
    "value", [LOWEST_MS - 1, HIGHEST_MS + 1, 2**63, 2**64 - 1, -(2**63), 86400000 * 999999999 + 1]
)
def test_milliseconds_out_of_range_are_refused(value):
    for field, _, _ in TIMES:
        assert structure_account({field: value}) == [f"{field}: epoch milliseconds out of range"]
    assert structure_account({"latestCreatedAtMs": {"LTXStudio_token": value}}) == [
        "latestCreatedAtMs.LTXStudio_token: epoch milliseconds out of range"
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (MOMENT, datetime(2025, 6, 3, 12, 13, 14, tzinfo=UTC)),
        ("2025-06-03T12:13:14Z", datetime(2025, 6, 3, 12, 13, 14, tzinfo=UTC)),
        ("2025-06-03T12:13:14.567Z", datetime(2025, 6, 3, 12, 13, 14, 567000, tzinfo=UTC)),
        ("2025-06-03T14:13:14+02:00", datetime(2025, 6, 3, 12, 13, 14, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ],
)
def test_text_timestamps_are_read_as_utc(text, moment):
    for _, field, attribute in TIMES:
        read = getattr(structure_account({field: text}), attribute)
        assert read == moment
        assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        CANARY,
        "2025-06-03",
        "2025-06-03T12:13:14",
        "2025-13-03T12:13:14Z",
        "2025-02-29T12:13:14Z",
        "2025-06-03T12:61:14Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1748952794000",
        "٢٠٢٥-06-03T12:13:14Z",
        "2025-06-03T12:13:14Z\n",
        "2025\ud800-06-03T12:13:14Z",
    ],
)
def test_text_that_is_no_moment_is_refused_without_quoting_it(text):
    problem = "expected an ISO 8601 date-time with its zone, got other text"
    for _, field, _ in TIMES:
        assert structure_account({field: text}) == [f"{field}: {problem}"]


@pytest.mark.parametrize(("field", "twin", "attribute"), TIMES)
def test_milliseconds_win_over_text_and_either_may_be_missing(field, twin, attribute):
    other = datetime(2025, 6, 3, 12, 13, 14, tzinfo=UTC)
    assert getattr(structure_account({field: 0, twin: MOMENT}), attribute) == EPOCH
    assert getattr(structure_account({field: 0}), attribute) == EPOCH
    assert getattr(structure_account({twin: MOMENT}), attribute) == other
    assert getattr(structure_account({field: None, twin: MOMENT}), attribute) == other


def test_the_order_of_timestamps_is_never_judged():
    account = structure_account({"updated": 2000, "tokenExpire": 1000, "refreshTokenExpire": 0})
    assert account.updated_at > account.token_expires_at > account.refresh_token_expires_at


@given(st.text() | st.datetimes().map(str) | st.datetimes(timezones=st.just(UTC)).map(str))
def test_any_text_as_a_timestamp_is_a_moment_in_utc_or_one_problem(text):
    result = structure_account({"updatedUTC": text})
    if isinstance(result, Account):
        assert result.updated_at.tzinfo is UTC
    else:
        assert len(result) == 1
        assert result[0].startswith("updatedUTC: ")


def test_prepare_has_the_converter_ready_before_the_first_account():
    code = """if True:
        import sys
        from ltx_async.codec import prepare
        assert "cattrs" not in sys.modules
        prepare()
        assert "cattrs" in sys.modules
        from ltx_async.codec.accounts import structure_account
        import builtins
        builtins.compile = builtins.__import__ = None  # nothing is left to be done
        print(structure_account({"email": "ann@example.com"}).email)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ann@example.com\n"


@pytest.mark.parametrize("name", ["lt_id", "lt_token", "lt_refresh_token"])
@pytest.mark.parametrize("value", [7, True, [], {}])
def test_a_wrong_value_in_a_cookie_that_is_whole_is_named(name, value):
    cookie = {"lt_id": "a", "lt_token": "b", "lt_refresh_token": "c"} | {name: value}
    (problem,) = structure_account({"cookie": cookie})
    assert problem.startswith(f"cookie.{name}: expected a string")


@pytest.mark.parametrize("field", sample("account.json"))
def test_an_account_like_the_sample_but_for_one_field_is_read_as_well(field):
    whole = structure_account(sample("account.json"))
    wire = {name: value for name, value in sample("account.json").items() if name != field}
    account = structure_account(wire)
    assert account.to_wire(include_secrets=True) == wire
    for name, attribute in ATTRIBUTES.items():
        expected = None if name == field else getattr(whole, attribute)
        if name in sample("account.json"):
            assert getattr(account, attribute) == expected


@pytest.mark.parametrize(
    ("value", "name"), [(None, "null"), *((v, k) for k, values in WRONG.items() for v in values)]
)
def test_json_types_have_their_names(value, name):
    assert json_type(value) == name
