"""A reply becomes an `Account` or one of our errors, and never the wrong one."""

import gc
import json
import pickle
import time
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import jsontext
from ltx_async.codec import AccountList, Redaction, Reply, parse_account, parse_accounts
from ltx_async.codec.accounts import FIELDS
from ltx_async.codec.replies import is_html
from ltx_async.errors import (
    AccountNotFoundError,
    AuthenticationError,
    DecodeError,
    LTXError,
    ProtocolError,
    ProxyAuthenticationError,
    RateLimitError,
    ReauthenticationError,
    RedirectError,
    ResponseError,
    ServerError,
    SubscriptionError,
)
from ltx_async.models import Account

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
TOKEN = "user:12345-abcdefghi"
EMAIL = "ann@example.com"
CANARY = "canary-0123456789"
PAGE = "an HTML page (a challenge or a proxy's page, no answer of the API)"
BOM = b"\xef\xbb\xbf"
redaction = Redaction.of(TOKEN)


def sample(name):
    return (SAMPLES / name).read_bytes()


def parse(body=b"", status=200, email=EMAIL, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_account(Reply(status, named, body), email, redaction)


def parse_list(body=b"", status=200):
    return parse_accounts(Reply(status, {}, body), redaction)


def body_of(**fields):
    return json.dumps({"email": EMAIL} | fields).encode()


def assert_no_account(body, reason):
    """Refused as a `DecodeError` by both JSON libraries, whoever asks."""
    for parser in {jsontext._orjson_loads, None}:
        with patch.object(jsontext, "_orjson_loads", parser):
            for error in (parse(body), parse_list(body)):
                assert type(error) is DecodeError
                assert reason in str(error)
                assert error.status == 200
                assert (error.__context__, error.__cause__) == (None, None)


# Accounts


def test_the_documented_account_is_an_account():
    account = parse(sample("account.json"))
    assert isinstance(account, Account)
    assert (account.email, account.token_balance) == (EMAIL, 150)
    assert account.token_expires_at == datetime(2025, 7, 3, 12, 13, 14, tzinfo=UTC)


@pytest.mark.parametrize("name", ["account.json", "account_full.json"])
def test_the_wire_form_is_what_came_in(name):
    assert parse(sample(name)).to_wire(include_secrets=True) == json.loads(sample(name))


def test_a_200_with_an_error_is_an_account_that_needs_reauthentication():
    account = parse(sample("account_needs_reauth.json"), email="bob@example.com")
    assert account.needs_reauth


@pytest.mark.parametrize(
    "field", [{"email": EMAIL}, {"cookie": {}}, {"maxJobs": 0}, {"updated": 0}]
)
def test_one_documented_field_besides_error_makes_an_account(field):
    assert isinstance(parse(json.dumps(field | {"error": "x"}).encode()), Account)


@pytest.mark.parametrize("spelling", ["ann@example.com", "ANN@EXAMPLE.COM", "Ann@Example.com"])
def test_the_case_of_the_email_is_left_aside(spelling):
    assert parse(body_of(email=spelling), email="Ann@example.COM").email == spelling


@pytest.mark.parametrize("other", ["bob@example.com", "", "ann@example.com ", "ann@example.co"])
def test_another_email_than_the_one_asked_for_is_flagged(other):
    error = parse(body_of(email=other))
    assert type(error) is DecodeError
    assert error.problems == ("email: another than the one asked for",)
    assert error.email == EMAIL


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
MILLISECONDS = st.none() | st.integers(-62135596800000, 253402300799999)
TEXT_MOMENT = st.none() | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
TOKENS_OF = st.fixed_dictionaries({}, optional={"LTXStudio_token": MILLISECONDS, "other": JSON})
WIRE = st.builds(
    lambda known, unknown: unknown | known,
    st.fixed_dictionaries(
        {"email": st.just(EMAIL)},
        optional={
            "cookie": st.none() | st.dictionaries(st.text(), st.none() | st.text(), max_size=5),
            "maxJobs": st.none() | st.integers(-(2**63), 2**64 - 1),
            "updated": MILLISECONDS,
            "updatedUTC": TEXT_MOMENT,
            "tokenExpire": MILLISECONDS,
            "tokenExpireUTC": TEXT_MOMENT,
            "refreshTokenExpire": MILLISECONDS,
            "refreshTokenExpireUTC": TEXT_MOMENT,
            "balance": st.none() | TOKENS_OF,
            "latestCreatedAtMs": st.none() | TOKENS_OF,
            "error": st.none() | st.text(),
        },
    ),
    st.dictionaries(st.text().filter(lambda name: name not in FIELDS), JSON, max_size=3),
)


@given(WIRE, st.booleans(), st.sampled_from([None, 1]))
def test_every_documented_object_survives_the_round_trip_to_the_letter(wire, ascii_only, indent):
    body = json.dumps(wire, ensure_ascii=ascii_only, indent=indent).encode()
    account = parse(body)
    assert isinstance(account, Account)
    returned = account.to_wire(include_secrets=True)
    assert repr(returned) == repr(wire)
    assert "cookie" not in account.to_wire()
    again = pickle.loads(pickle.dumps(account))
    assert again == account
    assert repr(again.to_wire(include_secrets=True)) == repr(wire)


@given(WIRE)
def test_a_list_of_one_gives_the_same_account_as_the_lookup(wire):
    body = json.dumps(wire).encode()
    assert parse_list(b'{"ann@example.com": ' + body + b"}") == {EMAIL: parse(body)}


# A 200 that is no account


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"  ", "not valid JSON"),
        (b"null", "expected an object, got null"),
        (b"[]", "expected an object, got an array"),
        (b'"x"', "expected an object, got a string"),
        (b"7", "expected an object, got an integer"),
        (b"7.5", "expected an object, got a fraction"),
        (b"true", "expected an object, got a boolean"),
        (b"<html>not found</html>", "an HTML page"),
        (b" \r\n<!DOCTYPE html>", "an HTML page"),
        (BOM + b"<html>", "an HTML page"),
        (b"Account configuration not found", "not valid JSON"),
        (b'{"email": "ann@example.com"}{}', "not valid JSON"),
        (b'{"email": "ann@example.com"', "not valid JSON"),
        (b'{"email": "ann@example.com", "x": NaN}', ""),
        (b'{"email": "ann@example.com", "x": 1e400}', ""),
        (b'{"email": "ann@example.com", "x": 18446744073709551616}', "64 bits"),
        (b'{"email": "ann@example.com", "maxJobs": ' + b"9" * 5000 + b"}", "64 bits"),
        (b'{"email": "ann@example.com", "x": "\\ud800"}', ""),
        (b'{"email": "ann@example.com", "x": "\\udc00"}', ""),
        (b'{"email": "\xff@example.com"}', ""),
        (BOM + b'{"email": "ann@example.com"}', "not valid JSON"),
        (b"[" * 15_000, "deeper than 100"),
        (b'{"email": "ann@example.com", "x": ' + b"[" * 15_000, "deeper than 100"),
        (b"[" * 200_000, "more than 20,000 arrays"),
        (b'{"email": "ann@example.com", "x": ' + b"[" * 200_000, "more than 20,000 arrays"),
    ],
)
def test_a_200_that_lies_is_a_decode_error(body, reason):
    assert_no_account(body, reason)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"error": "Unauthorized", "code": 401},
        {"error": {"code": 500}},
        {"plan": {"email": EMAIL}},
        {"email": None, "balance": None, "error": "x"},
        {"Email": EMAIL},
    ],
)
def test_an_object_without_a_documented_field_besides_error_is_no_account(fields):
    error = parse(json.dumps(fields).encode())
    assert type(error) is DecodeError
    assert error.problems == ("no documented field besides `error`",)


def test_wrong_fields_are_named_and_never_quoted():
    error = parse(
        body_of(cookie={"lt_token": [CANARY]}, maxJobs=CANARY, updated=2**63, error=[CANARY])
    )
    assert error.problems == (
        "cookie.lt_token: expected a string, got an array",
        "maxJobs: expected an integer, got a string",
        "updated: epoch milliseconds out of range",
        "error: expected a string, got an array",
    )
    assert str(error) == f"{EMAIL}: HTTP 200 but no account: " + "; ".join(error.problems[:3])
    assert CANARY not in repr(vars(error))
    assert CANARY.encode() not in pickle.dumps(error)


def test_hostile_names_in_a_path_are_made_inert():
    error = parse(body_of(cookie={"\x1b[31m\n\u202e" + "x" * 500: 5}))
    [problem] = error.problems
    assert problem.startswith(r"cookie.\x1b[31m \u202exxx")
    assert problem.isprintable()
    assert len(problem) == 200


@pytest.mark.parametrize("body", [b"{}", sample("accounts.json")])
def test_the_documented_list_is_read(body):
    wire = json.loads(body)
    accounts = parse_list(body)
    assert list(accounts) == list(wire)
    for email, account in accounts.items():
        assert account.email == email
        assert account.balance is None
        assert account.to_wire(include_secrets=True) == wire[email]


def test_a_list_with_bad_accounts_says_which_and_why():
    accounts = parse_list(b'{"a@example.com": {"maxJobs": "x"}, "b@example.com": 7, "c\\n@d": {}}')
    assert accounts == {}
    assert accounts.emails == tuple(accounts.problems)
    assert {name: error.problems for name, error in accounts.problems.items()} == {
        "a@example.com": ("maxJobs: expected an integer, got a string",),
        "b@example.com": ("expected an object, got an integer",),
        "c\n@d": ("no documented field besides `error`",),
    }
    assert {name: error.email for name, error in accounts.problems.items()} == {
        name: name for name in accounts.problems
    }


def test_of_an_entry_that_is_there_twice_the_last_one_counts():
    well = b'{"email": "ann@example.com", "maxJobs": 20}'
    twice = b'{"ann@example.com": %b, "ann@example.com": %b}'
    assert not parse_list(twice % (b"7", well)).problems
    assert parse_list(twice % (well, b"7")).emails == ("ann@example.com",)
    assert list(parse_list(twice % (well, b"7")).problems) == ["ann@example.com"]


def test_a_thousand_odd_entries_are_no_list_and_cost_no_more():
    wire = {f"a{n}@example.com": n for n in range(999)}
    assert len(parse_list(json.dumps(wire).encode()).problems) == 999
    wire |= {f"b{n}@example.com": n for n in range(100_000)}
    error = parse_list(json.dumps(wire).encode())
    assert type(error) is DecodeError
    assert len(error.problems) == 20
    behind = json.dumps(wire)[:-1].encode() + b"\xff"  # what follows the thousandth is not read
    assert parse_list(behind).problems == error.problems


def test_what_is_no_list_names_where_it_is_not_and_keeps_twenty_problems():
    error = parse_list(b'{"total": 7, "c\\n": {}}')
    assert type(error) is DecodeError
    assert error.problems == (
        "['total']: expected an object, got an integer",
        r"['c\n']: no documented field besides `error`",
    )
    assert error.email is None
    error = parse_list(json.dumps({f"a{n}": n for n in range(5000)}).encode())
    assert len(error.problems) == 20
    assert len(str(error)) < 400


# Every other status


def expected_class(status):
    if status < 100:
        return ProtocolError
    special = {
        401: AuthenticationError,
        402: SubscriptionError,
        404: AccountNotFoundError,
        407: ProxyAuthenticationError,
        429: RateLimitError,
        596: ReauthenticationError,
    }
    kinds = {3: RedirectError, 5: ServerError}
    return special.get(status) or kinds.get(status // 100, ResponseError)


@pytest.mark.parametrize("body", [b"", b"some text", b'{"error": "text"}', sample("account.json")])
def test_every_status_but_200_has_its_class_whatever_the_body(body):
    for status in [n for n in range(1000) if n != 200]:
        error = parse(body, status)
        assert type(error) is expected_class(status), status
        assert error.email == EMAIL
        if status >= 100:
            assert error.status == status
        assert type(parse_list(body, status)) is expected_class(status)


def test_a_throttle_says_how_long_to_wait():
    assert parse(b"slow", 429, retry_after="3600").message == "HTTP 429: slow (asks to wait 3600 s)"
    assert parse(b"slow", 429).message == "HTTP 429: slow"


@pytest.mark.parametrize("status", [-1, 0, 1, 99])
def test_a_status_below_100_is_no_http(status):
    error = parse(b"x", status)
    assert type(error) is ProtocolError
    assert error.message == f"the status {status} is below 100"


@pytest.mark.parametrize("status", [100, 201, 204, 206, 299, 600, 999])
def test_an_odd_status_is_a_response_error_and_no_subclass(status):
    assert type(parse(sample("account.json"), status)) is ResponseError


@pytest.mark.parametrize(
    "body",
    [
        sample("not_found.txt"),
        b"",
        b"Not Found",
        b'{"error": "not found", "code": 404}',
        b'{"error": {"code": 404, "message": "nope"}}',
        b"\xff\xfe\x00",
        b"[]",
    ],
)
def test_a_404_of_json_text_or_nothing_is_not_found(body):
    assert type(parse(body, 404)) is AccountNotFoundError


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"\n\t <!doctype html>",
        b"<?xml version='1.0'?>",
        BOM + b" <html>",
        b" " * 500 + b"<html>",
        BOM + b"\r\n" * 500 + b"<html>",
    ],
)
def test_an_html_404_is_never_not_found(body):
    error = parse(body, 404, content_type="application/json")
    assert type(error) is ResponseError
    assert error.message == f"HTTP 404: {PAGE}"


@pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 429, 500, 503, 522, 596, 600])
@pytest.mark.parametrize(
    ("body", "html"),
    [
        (b"<html>", True),
        (BOM + b"\n\t <!doctype html>", True),
        (b"", False),
        (b"not found", False),
        (b'{"error": "<html> an HTML page"}', False),
        (b"[]", False),
    ],
)
def test_an_error_says_whether_its_body_was_html(status, body, html):
    assert parse(body, status).html is html
    assert parse_list(body, status).html is html


@pytest.mark.parametrize(
    "body", [b"", b"x<html>", b'{"a": "<"}', b" " * 70, BOM, b"a" * 100 + b"<"]
)
def test_what_does_not_begin_with_a_tag_is_no_html(body):
    assert not is_html(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (sample("unauthorized.json"), "HTTP 500: Unauthorized"),
        (sample("subscription_required.json"), "HTTP 500: Subscription required"),
        (b'{"error": {"code": 5, "message": "inner", "status": "S"}}', "HTTP 500: inner"),
        (b'{"error": {"code": 5, "status": "UNAVAILABLE"}}', "HTTP 500: UNAVAILABLE"),
        (b'{"message": "only this"}', "HTTP 500: only this"),
        (b'{"error": {"message": ["x"]}}', "HTTP 500"),
        (b'{"error": 7}', "HTTP 500"),
        (b"{}", "HTTP 500"),
        (b'"just text"', "HTTP 500: just text"),
        (b"[1, 2]", "HTTP 500: [1, 2]"),
        (b"bare text", "HTTP 500: bare text"),
        (b"caf\xe9 \xe2\x82\xac", "HTTP 500: caf\ufffd €"),
        (b"", "HTTP 500"),
        (b"two\r\nlines\t and  more ", "HTTP 500: two lines and more"),
        (
            b"\x1b[2J\x00\x9b \xc2\x85x\xe2\x80\xa8y\xe2\x80\xaez",
            "HTTP 500: \\x1b[2J\\x00\ufffd x y\\u202ez",
        ),
        (b'{"error": "a\\u0000b\\u001b[1m"}', r"HTTP 500: a\x00b\x1b[1m"),
        (b"x" * 200, "HTTP 500: " + "x" * 200),
        (b"x" * 201, "HTTP 500: " + "x" * 199 + "…"),
        (b"\x00" * 100, "HTTP 500: " + r"\x00" * 49 + "\\x0…"),
        (b"y" * (1 << 20), "HTTP 500: " + "y" * 199 + "…"),
        (b"<html>", f"HTTP 500: {PAGE}"),
    ],
)
def test_what_the_server_says_is_kept_short_and_inert(body, message):
    assert parse(body, 500).message == message


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (None, "HTTP 302: redirects"),
        ("", "HTTP 302: redirects"),
        ("/login", "HTTP 302: redirects"),
        ("https://www.example.com/path?key=canary#x", "HTTP 302: redirects to www.example.com"),
        ("https://canary:canary@www.example.com:8443/", "HTTP 302: redirects to www.example.com"),
        ("//www.example.com", "HTTP 302: redirects to www.example.com"),
        ("https://[::1/canary", "HTTP 302: redirects"),
        ("https://exa\u2100mple.com/canary", "HTTP 302: redirects"),
        (f"https://{TOKEN[5:]}.example.com/", "HTTP 302: redirects to [token].example.com"),
        (f"https://{TOKEN[5:].upper()}.example.com/", "HTTP 302: redirects to [token].example.com"),
        ("https://a\x1bb\u202e/", r"HTTP 302: redirects to a\x1bb\u202e"),
    ],
)
def test_a_redirect_names_the_host_only(location, message):
    headers = {} if location is None else {"location": location}
    error = parse(b"<html>canary</html>", 302, **headers)
    assert type(error) is RedirectError
    assert error.message == message


def test_exactly_the_3xx_are_read_as_redirects():
    messages = {n: parse(b"text", n, location="//x.example.com").message for n in range(201, 1000)}
    assert {n for n, message in messages.items() if "x.example.com" in message} == {
        *range(300, 400)
    }
    assert {n for n, message in messages.items() if "text" not in message} == {*range(300, 400)}


def test_the_ray_is_kept_inert_and_short():
    assert parse(b"", 500, cf_ray="8f0abc-FRA").ray == "8f0abc-FRA"
    assert parse(b"", 500, cf_ray="\x1b[1m" + "x" * 500).ray == r"\x1b[1m" + "x" * 192 + "…"
    assert parse(b"", 500, cf_ray="").ray is None
    assert parse(b"", 500).ray is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"retry_after": "30"}, b""),
        ({"retry_after": "Mon, 09 Mar 2026 12:00:30 GMT"}, b""),
        ({}, b'{"error": "slow", "retryAfter": "2026-03-09T12:00:30Z"}'),
        ({}, b'{"error": {"message": "slow", "retry_after": 30}}'),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_to_wait_is_kept(status, headers, body):
    error = parse(body, status, date="Mon, 09 Mar 2026 12:00:00 GMT", **headers)
    assert error.retry_after == 30


def test_without_a_date_the_local_clock_judges():
    soon = datetime.fromtimestamp(time.time() + 1000, UTC)
    error = parse(b"", 503, retry_after=soon.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert 900 < error.retry_after <= 1000


def test_junk_or_html_says_nothing_about_waiting():
    assert parse(b'{"retry_after": -1}', 429, retry_after="abc").retry_after is None
    assert parse(b"<html>", 503).retry_after is None


# Secrets


def places(value):
    """Return everything that can be printed, sent to another process, or walked to."""
    texts = [str(value), repr(value), f"{value}"]
    if isinstance(value, LTXError):
        texts += [repr(vars(value)), repr(value.args), value.hint]
        assert value.__context__ is None
        assert value.__cause__ is None
    return texts + [pickle.dumps(value, protocol).decode("latin-1") for protocol in range(6)]


FORMS = {
    "plain": TOKEN,
    "tail": TOKEN[5:],
    "percent-encoded": "user%3A12345-abcdefghi",
    "percent-encoded, lower": "user%3a12345-abcdefghi",
}
ECHOES = {
    "text": "seen {} there",
    "error": '{{"error": "seen {}"}}',
    "nested": '{{"error": {{"message": "{}", "status": "{}"}}}}',
    "key": '{{"email": "ann@example.com", "cookie": {{"{}": 5}}}}',
    "account": '{{"email": "ann@example.com", "cookie": {{"{}": "{}"}}, "x": ["{}", "{}"]}}',
    "list": '{{"{}": {{"email": 5}}}}',
    "list of accounts": '{{"{}": {{"email": "{}"}}}}',
    "after white space": " " * 4085 + "{}",
    "after wide white space": "\u3000" * 1362 + "{}",
    "many": "{} " * 500,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [99, 200, 302, 404, 429, 500])
def test_an_echoed_token_is_left_nowhere(form, echo, status):
    body = ECHOES[echo].replace("{}", FORMS[form]).replace("{{", "{").replace("}}", "}").encode()
    where = f"https://{FORMS[form].replace(':', '.')}.example.com/"
    reply = Reply(status, {"cf-ray": FORMS[form], "location": where}, body)
    for result in (parse_account(reply, EMAIL, redaction), parse_accounts(reply, redaction)):
        for text in places(result):
            assert "345-abc" not in text


@pytest.mark.parametrize("echo", ["error", "nested", "key", "account", "list", "list of accounts"])
@pytest.mark.parametrize("status", [200, 500])
def test_a_token_behind_json_escapes_is_left_nowhere(echo, status):
    escaped = "".join(f"\\u{ord(c):04x}" for c in TOKEN)
    body = ECHOES[echo].replace("{}", escaped).replace("{{", "{").replace("}}", "}").encode()
    for result in (parse(body, status), parse_list(body, status)):
        for text in places(result):
            assert "345-abc" not in text


@pytest.mark.parametrize("length", range(4070, 4100))
def test_a_token_that_the_cut_splits_leaves_no_part_behind(length):
    message = parse(b" " * length + TOKEN.encode() + b" end", 500).message
    assert message in (
        "HTTP 500",
        "HTTP 500: [token]",
        "HTTP 500: [token] end",
        "HTTP 500: [token] e",
    )


def test_a_reply_shows_neither_headers_nor_body():
    assert (
        repr(Reply(200, {"set-cookie": CANARY}, CANARY.encode()))
        == "Reply(status=200, delimited=True)"
    )


def test_an_account_with_an_echoed_token_stays_an_account():
    account = parse(body_of(plan=f"for {TOKEN}", cookie={"lt_token": TOKEN}))
    assert account.extra == {"plan": "for [token]"}
    assert account.cookie.lt_token == "[token]"
    assert account.to_wire(include_secrets=True)["plan"] == "for [token]"


# Mutations


BODIES = [path.read_bytes() for path in sorted(SAMPLES.iterdir())] + [
    b"<html>",
    b'{"retryAt": "x"}',
]
STATUSES = st.sampled_from([200, 200, 200, 404, 429, 503]) | st.integers(0, 999)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "retry-after": st.text(),
        "date": st.text(),
        "cf-ray": st.text(),
        "location": st.text().map("https://{}".format) | st.text(),
    },
)


@st.composite
def mutated(draw):
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        stop = start + draw(st.integers(0, 8))
        body[start:stop] = draw(
            st.binary(max_size=4)
            | st.sampled_from([b"null", b"{", b'"', b"1e999", b"\\ud800", b"[]"])
        )
    return bytes(body)


def outcome(reply):
    """Parse both ways and return what came out, in comparable form."""
    results = (parse_account(reply, EMAIL, redaction), parse_accounts(reply, redaction))
    return [
        result if isinstance(result, Account | AccountList) else type(result) for result in results
    ]


@given(mutated() | st.binary(), STATUSES, HEADERS)
def test_whatever_comes_only_our_classes_come_out(body, status, headers):
    reply = Reply(status, headers, body)
    for result in (parse_account(reply, EMAIL, redaction), parse_accounts(reply, redaction)):
        if isinstance(result, LTXError):
            assert str(result).isprintable()
            assert len(str(result)) < 4 * 200 + 60
            assert vars(pickle.loads(pickle.dumps(result))) == vars(result)
            assert (result.__context__, result.__cause__) == (None, None)
        else:
            assert status == 200
            assert isinstance(result, Account | AccountList)


@given(mutated(), st.sampled_from([200, 429]))
def test_the_outcome_does_not_depend_on_the_json_library(body, status):
    reply = Reply(status, {}, body)
    usual = outcome(reply)
    with patch.object(jsontext, "_orjson_loads", None):
        assert outcome(reply) == usual


def test_parsing_leaves_nothing_for_the_garbage_collector():
    parse(sample("account.json"))
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            parse(sample("account.json"))
            parse(b"nope", 500)
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("body", [b'{"email": "ann@exam', b"", b"[1]"])
def test_what_no_length_delimits_may_be_cut_off_and_is_asked_again(body):
    redaction = Redaction.of(TOKEN)
    reply = Reply(200, {}, body, delimited=False)
    for result in (parse_account(reply, EMAIL, redaction), parse_accounts(reply, redaction)):
        assert type(result) is ProtocolError


def test_what_no_length_delimits_is_an_account_when_it_is_whole():
    redaction = Redaction.of(TOKEN)
    reply = Reply(200, {}, b'{"email": "ann@example.com"}', delimited=False)
    assert isinstance(parse_account(reply, "ann@example.com", redaction), Account)
