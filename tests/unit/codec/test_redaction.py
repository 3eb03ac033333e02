"""The bearer token is cut out of whatever a server echoes."""

import json
import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.codec import Redaction
from ltx_async.codec.redaction import CUT

TOKEN = "user:12345-abcdefghi"
SPECIAL = "user:12345-a+b/c=d&e"
redaction = Redaction.of(TOKEN)

TAILS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="[]"), min_size=3
)
TOKENS = st.builds("user:{}-{}".format, st.integers(10_000, 999_999_999), TAILS)


def forms_of(token):
    tail = token.partition(":")[2]
    return [token, tail, quote(token, safe=""), quote(tail, safe="")]


def escaped(text):
    """Escape each character in the longest way JSON knows."""
    return "".join(f"\\u{ord(c):04x}" for c in text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        ("nothing here", "nothing here"),
        (TOKEN, CUT),
        (f"Bearer {TOKEN}!", f"Bearer {CUT}!"),
        (TOKEN * 3, CUT * 3),
        ("12345-abcdefghi", CUT),
        ("USER:12345-ABCDEFGHI", CUT),
        ("12345-abcdefghi.example.com", f"{CUT}.example.com"),
        ("user%3A12345-abcdefghi", CUT),
        ("user%3a12345-abcdefghi", CUT),
        ("user:12345", "user:12345"),
        ("x12345-abcdefghij", f"x{CUT}j"),
    ],
)
def test_every_form_of_the_token_is_cut_out(text, left):
    assert redaction.text(text) == left


@pytest.mark.parametrize("form", forms_of(SPECIAL))
@pytest.mark.parametrize("case", [str, str.lower, str.upper])
def test_a_token_with_special_characters_is_cut_out_encoded_or_not(form, case):
    assert Redaction.of(SPECIAL).text(f"<{case(form)}>") == f"<{CUT}>"


def test_a_short_part_after_the_colon_is_too_common_to_cut():
    short = Redaction.of("user:12-ab")
    assert short.text("12-ab user:12-ab user%3A12-ab") == f"12-ab {CUT} {CUT}"
    assert Redaction.of("user:12-abcd").text("12-abcd") == "12-abcd"
    assert Redaction.of("user:12-abcde").text("12-abcde") == CUT


def test_a_token_without_a_colon_is_cut_whole():
    assert Redaction.of("abcdefghijkl").text("abcdefghijkl abcdefgh") == f"{CUT} abcdefgh"


@given(TOKENS, st.text(), st.text(), st.data())
def test_no_form_of_any_token_is_left_in_text(token, before, after, data):
    form = data.draw(st.sampled_from(forms_of(token)))
    left = Redaction.of(token).text(before + form + after).lower()
    assert not [form for form in forms_of(token) if form.lower() in left]


@given(TOKENS, st.binary(), st.binary(), st.data())
def test_a_body_that_holds_any_form_is_recognised(token, before, after, data):
    form = data.draw(st.sampled_from(forms_of(token)))
    assert Redaction.of(token).concerns(before + form.encode() + after)


@given(TOKENS)
def test_a_body_that_escapes_the_token_is_recognised(token):
    assert Redaction.of(token).concerns(f'"{escaped(token)}"'.encode())
    assert Redaction.of(token).concerns(json.dumps(token).replace("/", "\\/").encode())


def test_an_ordinary_body_is_not_concerned():
    assert not redaction.concerns(b'{"email": "ann@example.com", "updated": 12345}')


def test_a_token_of_special_characters_only_concerns_every_body():
    assert Redaction.of(":::::::::").concerns(b"{}")
    assert (
        Redaction.of(":::::::::").text("a:::::::::b%3A%3A%3A%3A%3A%3A%3A%3A%3A") == f"a{CUT}b{CUT}"
    )


NESTED = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from([TOKEN, f"x{TOKEN}y"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", TOKEN]), inner),
)


@given(NESTED)
def test_decoded_json_is_cleaned_in_keys_and_strings_at_any_depth(value):
    cleaned = redaction.value(value)
    assert "12345-abcdefghi" not in json.dumps(cleaned)
    assert json.dumps(cleaned) == json.dumps(value).replace(TOKEN, CUT)


@pytest.mark.parametrize("limit", range(1, 60))
def test_a_token_that_a_cut_splits_leaves_no_part_behind(limit):
    body = f"seen: {TOKEN} and again {TOKEN} end".encode()
    text = redaction.beginning(body, limit)
    assert not [n for n in range(3, 21) if TOKEN[:n] in text]
    assert "seen: ".startswith(text) or text.startswith(f"seen: {CUT}"[: len(text)])


def test_a_short_body_is_kept_whole():
    body = f"seen: {TOKEN} end".encode()
    assert redaction.beginning(body, len(body)) == f"seen: {CUT} end"
    assert redaction.beginning(b"\xff\xe2\x82", 4096) == "\ufffd\ufffd"


def test_the_redaction_itself_does_not_show_the_token():
    for text in (repr(redaction), str(redaction), f"{redaction}"):
        assert "12345" not in text


def test_a_redaction_survives_pickling():
    assert pickle.loads(pickle.dumps(redaction)) == redaction
