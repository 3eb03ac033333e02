"""Strings under names that look secret are masked, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.masking import MASK, mask_secrets

SECRET_NAMES = ["token", "secret", "password", "jwt", "session", "auth", "cookie"]
NAMES = ["plan", "Access_Token", "clientSecret", "x-AUTH", "name"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(NAMES), inner),
    max_leaves=20,
)


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


LONG = "x" * 101


def test_a_name_longer_than_any_is_not_searched_but_taken_for_a_secret():
    assert mask_secrets({LONG: "x", "a": {LONG: ["x", 7]}}) == {LONG: MASK, "a": {LONG: [MASK, 7]}}
    assert mask_secrets({"name": LONG, "value": "x"}) == {"name": LONG, "value": MASK}
    assert mask_secrets({LONG[1:]: "x"}) == {LONG[1:]: "x"}


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
