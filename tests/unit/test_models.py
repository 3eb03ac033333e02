"""What a lookup gives: frozen values that never show a secret."""

import copy
import json
import pickle
import weakref
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async import models
from ltx_async.errors import AccountNotFoundError
from ltx_async.models import (
    MASK,
    Account,
    Cookie,
    Lookup,
    Outcome,
    Stats,
    draft_of,
    freeze,
    mask_secrets,
)

CANARY = "canary-0123456789"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WIRE = {
    "email": "ann@example.com",
    "cookie": {"lt_id": CANARY, "lt_token": CANARY, "lt_refresh_token": CANARY, "more": CANARY},
    "balance": {"LTXStudio_token": 150, "session_kind": "shown", "key": "shown"},
    "latestCreatedAtMs": {"LTXStudio_token": 1717401194000},
    "plan": {"name": "shown", "tokens": {"deep": [CANARY, {"er": CANARY}, 7]}},
    "apiSecret": CANARY,
}
SECRET_NAMES = ["token", "secret", "password", "jwt", "session", "auth", "cookie"]
NAMES = ["plan", "Access_Token", "clientSecret", "x-AUTH", "name"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(NAMES), inner),
    max_leaves=20,
)


def make_account(**changes):
    values = {
        "email": "ann@example.com",
        "cookie": Cookie(CANARY, CANARY, CANARY, {"more": CANARY}),
        "max_jobs": 20,
        "updated_at": NOW,
        "token_expires_at": NOW,
        "refresh_token_expires_at": NOW,
        "balance": WIRE["balance"],
        "latest_created_at_ms": WIRE["latestCreatedAtMs"],
        "extra": {"plan": WIRE["plan"], "apiSecret": CANARY},
        "wire": WIRE,
    }
    return Account(**values | changes)


def make_lookup(account=None, error=None):
    return Lookup(0, "ann@example.com", Outcome.OK, account, error, 200, 1, 0.25, NOW)


def make_stats():
    return Stats(dict.fromkeys(Outcome, 0), 3, 1, 0, 0.1, None)


VALUES = [make_account, make_stats, lambda: Cookie("id", "a", "b", {"c": "d"}), Account, Cookie]
VALUES += [lambda: make_lookup(make_account())]


def test_outcomes_are_the_five_documented_words():
    assert [str(outcome) for outcome in Outcome] == [
        "ok",
        "needs_reauth",
        "not_found",
        "invalid",
        "failed",
    ]
    assert json.dumps({Outcome.OK: Outcome.FAILED}) == '{"ok": "failed"}'


@pytest.mark.parametrize(
    "value",
    [make_account().cookie, make_account(), make_lookup(make_account()), [make_account()]],
    ids=["cookie", "account", "lookup", "list"],
)
def test_no_text_form_shows_a_secret(value):
    texts = [str(value), repr(value), f"{value}", f"{value!r}", "%s" % (value,), ascii(value)]  # noqa: UP031
    assert not [text for text in texts if CANARY in text]


def test_a_cookie_tells_what_is_there_but_not_its_value():
    assert repr(Cookie("user1", None, "x", {"lt_extra": "y", "n\n": "z"})) == (
        "Cookie(lt_id=***, lt_token=None, lt_refresh_token=***, "
        "extra={'lt_extra': ***, 'n\\n': ***})"
    )
    assert repr(Cookie()) == "Cookie(lt_id=None, lt_token=None, lt_refresh_token=None, extra={})"


def test_the_deliberate_way_to_a_cookie_value_works():
    assert make_account().cookie.lt_token == CANARY


def test_an_account_shows_what_is_no_secret():
    text = repr(make_account())
    assert "ann@example.com" in text
    assert "'LTXStudio_token': 150" in text
    assert "'name': 'shown'" in text
    assert "wire" not in text


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("form", ["{}", "my{}s", "X-{}", "access_{}_2"])
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_strings_under_names_that_look_secret_are_masked(name, form, case):
    key = case(form.format(name))
    assert mask_secrets({key: "x"}) == {key: MASK}
    assert mask_secrets({key: {"plain": ["x", {"y": "z"}]}}) == {
        key: {"plain": [MASK, {"y": MASK}]}
    }
    assert mask_secrets([{"plain": {key: "x"}}]) == [{"plain": {key: MASK}}]


SECRET_WORDS = """
    apiKey api_key x-api-key APIKey APIkey apikey API_KEY bearer bearerValue pwd user_pwd passwd
    pass userPass pass-1 credential credentials aws_credentials sid connect.sid signature
    xSignature private_key privateKey PrivateKeys key keys Key KEY key2 sshKey otp otpCode pin
    pinCode x-csrf CSRF accessKey access_key refreshKey access_token refresh_token refreshTokenValue
"""
HARMLESS_WORDS = """
    keyboard shipping accessLevel access refresh refreshRate compass passport passenger pinned
    spinner monkey keynote turkey sidebar inside design signatory hotpot topic bypass resid
    PASSENGER KEYBOARD name value plan
"""


@pytest.mark.parametrize("key", SECRET_WORDS.split())
def test_strings_under_words_that_look_secret_are_masked(key):
    assert mask_secrets({key: "x", "a": {key: ["x", 7]}}) == {key: MASK, "a": {key: [MASK, 7]}}


@pytest.mark.parametrize("key", HARMLESS_WORDS.split())
def test_strings_under_words_that_only_contain_such_a_word_stay_visible(key):
    assert mask_secrets({key: "x", "a": {key: ["x", 7]}}) == {key: "x", "a": {key: ["x", 7]}}


@pytest.mark.parametrize(
    ("pair", "masked"),
    [
        ({"name": "Authorization", "value": "x"}, {"name": "Authorization", "value": MASK}),
        ({"Name": "x-api-key", "Value": "x"}, {"Name": "x-api-key", "Value": MASK}),
        ({"value": {"a": ["x"]}, "name": "sid"}, {"value": {"a": [MASK]}, "name": "sid"}),
        ({"name": "pin", "values": ["x", 7]}, {"name": "pin", "values": [MASK, 7]}),
        ({"key": "session", "value": "x"}, {"key": MASK, "value": MASK}),
        ({"header": "Cookie", "value": "x"}, {"header": "Cookie", "value": MASK}),
        (
            {"name": "csrf", "value": "x", "path": "/", "secret": "x"},
            {"name": "csrf", "value": MASK, "path": "/", "secret": MASK},
        ),
        ({"name": "plan", "value": "x"}, {"name": "plan", "value": "x"}),
        ({"name": "keyboard", "value": "x"}, {"name": "keyboard", "value": "x"}),
        ({"name": "token", "values": 5, "text": "x"}, {"name": "token", "values": 5, "text": "x"}),
        ({"name": 7, "value": "x"}, {"name": 7, "value": "x"}),
    ],
)
def test_a_value_beside_a_name_that_looks_secret_is_masked(pair, masked):
    assert mask_secrets(pair) == masked
    assert mask_secrets({"headers": [pair]}) == {"headers": [masked]}


def test_what_is_no_string_or_looks_harmless_is_not_masked():
    plain = {"name": "x", "tokens": 5, "auth": [True, None, 1.5], "toke": "n"}
    assert mask_secrets(plain) == plain


def strings_in(value):
    if isinstance(value, dict):
        return [s for item in value.values() for s in strings_in(item)]
    if isinstance(value, list):
        return [s for item in value for s in strings_in(item)]
    return [value] if isinstance(value, str) else []


@given(JSON, st.sampled_from(["token", "Session-ID"]))
def test_below_a_secret_name_no_string_is_left(value, name):
    masked = mask_secrets({name: value})
    assert set(strings_in(masked)) <= {MASK}
    assert len(strings_in(masked)) == len(strings_in(value))


@given(JSON)
def test_masking_is_a_copy_of_the_same_shape_and_idempotent(value):
    before = json.dumps(value)
    masked = mask_secrets(value)
    assert json.dumps(value) == before
    assert mask_secrets(masked) == masked
    if isinstance(value, dict):
        assert list(masked) == list(value)


def test_to_wire_leaves_the_cookie_out_and_masks_unknown_secrets():
    shown = make_account().to_wire()
    assert CANARY not in json.dumps(shown)
    assert "cookie" not in shown
    assert shown["balance"] == WIRE["balance"]
    assert shown["latestCreatedAtMs"] == WIRE["latestCreatedAtMs"]
    assert shown["plan"] == {"name": "shown", "tokens": {"deep": [MASK, {"er": MASK}, 7]}}
    assert shown["apiSecret"] == MASK
    assert list(shown) == [name for name in WIRE if name != "cookie"]


def test_to_wire_with_secrets_is_what_came_in():
    account = make_account()
    assert account.to_wire(include_secrets=True) == WIRE
    account.to_wire(include_secrets=True).clear()
    account.to_wire(include_secrets=True)["plan"]["tokens"].clear()
    account.to_wire()["balance"].clear()
    assert account.to_wire(include_secrets=True) == WIRE
    assert account.token_balance == 150


def test_an_account_made_by_hand_has_no_wire_form():
    assert Account("ann@example.com").to_wire() == {}
    assert Account("ann@example.com").to_wire(include_secrets=True) == {}


@pytest.mark.parametrize(
    ("balance", "tokens"),
    [(None, None), ({}, None), ({"LTXStudio_token": 0}, 0), ({"LTXStudio_token": 7.5}, 7.5)],
)
def test_token_balance_tells_none_from_zero(balance, tokens):
    assert Account(balance=balance).token_balance == tokens


@pytest.mark.parametrize("created", [None, {}, {"other": 5}, {"LTXStudio_token": None}])
def test_latest_created_at_is_none_where_the_reply_did_not_say(created):
    assert Account(latest_created_at_ms=created).latest_created_at is None


@given(st.integers(-62135596800000, 253402300799999))
def test_latest_created_at_is_exact_to_the_millisecond(milliseconds):
    moment = Account(latest_created_at_ms={"LTXStudio_token": milliseconds}).latest_created_at
    assert moment.tzinfo is UTC
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == milliseconds
    assert moment.microsecond % 1000 == 0


@pytest.mark.parametrize(("error", "broken"), [(None, False), ("sign in", True), ("", True)])
def test_an_account_with_an_error_needs_reauthentication(error, broken):
    assert Account(error=error).needs_reauth is broken


def test_unwrap_gives_the_account_broken_ones_too():
    account = Account(error="sign in again")
    assert make_lookup(account).unwrap() is account


def test_unwrap_raises_the_very_error():
    error = AccountNotFoundError("HTTP 404", status=404)
    with pytest.raises(AccountNotFoundError) as caught:
        make_lookup(error=error).unwrap()
    assert caught.value is error


@pytest.mark.parametrize("make", VALUES)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_every_value_survives_pickling_and_copying(make, duplicate):
    value = make()
    again = duplicate(value)
    assert again == value
    assert hash(again) == hash(value)
    assert repr(again) == repr(value)


def test_the_wire_form_survives_pickling():
    account = pickle.loads(pickle.dumps(make_account()))
    assert account.to_wire(include_secrets=True) == WIRE


def test_a_lookup_that_failed_survives_pickling():
    error = AccountNotFoundError("HTTP 404", status=404, ray="8f0-FRA")
    again = pickle.loads(pickle.dumps(make_lookup(error=error)))
    assert (again.error.status, again.error.ray) == (404, "8f0-FRA")


@pytest.mark.parametrize("make", VALUES)
def test_every_value_is_frozen_and_without_a_dict(make):
    value = make()
    for attribute in attrs.fields(type(value)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, attribute.name, None)
    assert not hasattr(value, "__dict__")


def test_values_differ_where_a_field_differs_but_not_by_the_kept_wire_form():
    assert make_account() == make_account(wire={})
    for name, other in {"email": "bob@example.com", "balance": {}, "extra": {}}.items():
        assert make_account() != make_account(**{name: other})
    assert Cookie("a") != Cookie("b")


@pytest.mark.parametrize("cls", [Cookie, Account, Lookup, Stats])
def test_annotations_resolve_at_runtime(cls):
    attrs.resolve_types(cls)
    assert not any(isinstance(attribute.type, str) for attribute in attrs.fields(cls))


@pytest.mark.parametrize("cls", [Cookie, Account, Lookup, Stats, Outcome])
def test_everything_public_says_what_it_is(cls):
    assert cls.__module__ == models.__name__
    assert cls.__doc__


@pytest.mark.parametrize("value", [Cookie, Account, Lookup])
def test_a_draft_becomes_the_value_that_was_meant_and_is_frozen_from_then_on(value):
    content = {one.alias: object() for one in attrs.fields(value)}
    draft = draft_of(value)(**content)
    made = freeze(draft)
    assert made is draft
    assert made == value(**content)
    assert type(made) is value
    for one in attrs.fields(value):
        assert getattr(made, one.name) is content[one.alias]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(made, one.name, None)


def nothing_known(value):
    return {one.alias: None for one in attrs.fields(value) if one.default is None}


@pytest.mark.parametrize("value", [Cookie, Account])
def test_a_draft_insists_on_what_is_optional_and_has_its_own_of_what_is_made(value):
    draft = draft_of(value)
    made, other = (freeze(draft(**nothing_known(value))) for _ in range(2))
    assert made == value()
    assert made.extra is not other.extra
    for name in nothing_known(value):
        with pytest.raises(TypeError, match=name):
            draft(**{known: None for known in nothing_known(value) if known != name})


def test_a_draft_can_be_filled_in_parts_until_it_is_frozen():
    draft = draft_of(Account)(**nothing_known(Account) | {"email": "ann@example.com"})
    draft.max_jobs = 7
    assert freeze(draft) == Account(email="ann@example.com", max_jobs=7)
    with pytest.raises(AttributeError):
        freeze(draft)  # a value is nobody's draft


@pytest.mark.parametrize("value", [Cookie, Account])
def test_a_value_can_be_referred_to_weakly_and_a_draft_shows_no_secret(value):
    made = draft_of(value)(**nothing_known(value))
    assert weakref.ref(made)() is made
    freeze(made)
    assert weakref.ref(made)() is made
    assert CANARY not in repr(draft_of(Cookie)(CANARY, CANARY, CANARY, {"more": CANARY}))
