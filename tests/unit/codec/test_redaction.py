"""The bearer token is cut out of whatever a server echoes."""

import json
import pickle
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_async.codec import Redaction
from ltx_async.codec import redaction as module
from ltx_async.codec.redaction import CUT
from ltx_async.jsontext import fold


def b64_of(text):
    return b64encode(text.encode()).decode().rstrip("=")


TOKEN = "user:12345-abcdefghi"
SPECIAL = "user:12345-a+b/c=d&e"
LONG = "user:1234567-abcdefghijklmnopqrstuvwxyz0123456789"
ORDINARY = [
    b"{}",
    b'{"email": "ann@example.com", "updated": 12345, "a": "user123"}',
    rb'{"email": "ann@example.com", "cookie": "\u2026secured\u2026", "a": "x\/y \"z\" 100%41"}',
]
redaction = Redaction.of(TOKEN)

TAILS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="[]"), min_size=3
)
TOKENS = st.builds("user:{}-{}".format, st.integers(10_000, 999_999_999), TAILS)


def forms_of(token):
    tail = token.partition(":")[2]
    return [token, tail, quote(token, safe=""), quote(tail, safe="")]


def concerns(redaction, body):
    return redaction.concerns(body, fold(body))


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


def in_base64(text):
    return b64encode(text.encode()).decode()


ODD = "user:12345-~~~???>>>~~~???>>>"  # its base64 has every special character
SAID = {
    "in another case": (TOKEN.swapcase(), CUT),
    "the part behind the hyphen": ("abcdefghi", CUT),
    "the part behind the hyphen, in capitals": ("ABCDEFGHI", CUT),
    "the hyphen percent-encoded": ("user%3A12345%2Dabcdefghi", CUT),
    "the hyphen alone percent-encoded": ("user:12345%2dabcdefghi", CUT),
    "percent-encoded twice": ("user%253A12345%252Dabcdefghi", CUT),
    "every character percent-encoded": ("".join(f"%{ord(c):02x}" for c in TOKEN), CUT),
    "its first 15 characters": ("user:12345-abcd", CUT),
    "its first 16 characters": ("user:12345-abcde…", f"{CUT}…"),
    "its first 15 characters percent-encoded": ("user%3A12345%2Dabcd", CUT),
    "its first 14 characters": ("user:12345-abc", "user:12345-abc"),
    "in base64": (in_base64(TOKEN), "[token]k="),
    "behind Bearer in base64": (in_base64(f"Bearer {TOKEN}"), "QmVhcmVyIH[token]"),
    "as a name in base64": (in_base64(f"{TOKEN}:"), "[token]k6"),
    "as a password in base64": (in_base64(f"x:{TOKEN}"), "eDp[token]Q=="),
    "the part behind the hyphen in base64": (in_base64("abcdefghi"), CUT),
    "percent-encoded base64": (quote(in_base64(f"{TOKEN}:")), "[token]k6"),
}


@pytest.mark.parametrize(("said", "left"), SAID.values(), ids=SAID.keys())
def test_a_token_is_cut_however_it_is_said(said, left):
    assert redaction.text(said) == left
    assert redaction.text(f"<{said}>") == f"<{left}>"
    assert redaction.value({"a": [said]}) == {"a": [left]}
    for body in (f'{{"a": "{said}"}}', f'{{"a": "{escaped(said)}"}}', f'"\\u00e9 {said}"'):
        assert concerns(redaction, body.encode()) or left == said


@pytest.mark.parametrize("length", range(15, len(LONG)))
def test_a_start_of_15_characters_is_cut_as_far_as_it_goes(length):
    assert Redaction.of(LONG).text(f"{LONG[:length]} …") == f"{CUT} …"
    tail, secret = LONG.partition(":")[2], LONG.partition("-")[2]
    assert Redaction.of(LONG).text(f"{tail[:length]} {secret[:length]}.") == f"{CUT} {CUT}."


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "x", "xy", "Bearer "])
def test_both_alphabets_of_base64_are_known(encode, before):
    said = encode(f"{before}{ODD}{before}".encode()).decode()
    assert CUT in Redaction.of(ODD).text(said)
    assert len(Redaction.of(ODD).text(said)) < 3 * len(before) + len(CUT) + 6
    assert concerns(Redaction.of(ODD), json.dumps(said).replace("/", "\\/").encode())


@given(TOKENS, st.binary(max_size=5), st.binary(max_size=5))
@example("user:1-000000000000%20", b"", b"")
@example("user:1-0000000000000%2D", b"x", b"")
def test_no_part_of_a_token_is_left_of_its_base64(token, before, after):
    secret = token.partition("-")[2].encode()
    if len(secret) < 8:
        return
    said = b64encode(before + secret + after).decode()
    assert len(Redaction.of(token).text(said)) <= len(said) - len(secret) * 8 // 6 + 3 + len(CUT)
    assert concerns(Redaction.of(token), said.encode())


@pytest.mark.parametrize("token", ["user:1-000000000000%20", "user:1-abcdefghijkl%41bc%42"])
@pytest.mark.parametrize("form", [str, b64_of, unquote, lambda token: b64_of(unquote(token))])
def test_of_two_forms_that_begin_alike_the_longer_one_is_cut(token, form):
    secret = token.partition("-")[2]
    left = Redaction.of(token).text(f"<{form(secret)}>")
    assert left.startswith(f"<{CUT}")
    assert len(left) <= len(CUT) + 3  # the last character of base64 depends on what follows


def test_a_long_token_is_cut_in_reasonable_time_and_depth():
    token = "user:1-" + "%41bc" * 300
    assert Redaction.of(token).text(f"<{token}> <{unquote(token)}>") == f"<{CUT}> <{CUT}>"


@given(TOKENS, st.text(max_size=20), st.integers(1, 40), st.data())
def test_in_pieces_the_same_is_cut_as_in_one(token, between, size, data):
    forms = st.one_of(st.sampled_from(forms_of(token)), st.just(between), st.text(max_size=5))
    text = "".join(data.draw(st.lists(forms, max_size=6)))
    whole = Redaction.of(token).text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_A_TIME", size)
        assert Redaction.of(token).text(text) == whole


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


def test_a_percent_sign_before_an_encoded_form_hides_nothing():
    assert "00%7B" not in Redaction.of("user:20000-00{").text("%20000-00%7B")


@given(TOKENS, st.text(), st.text(), st.data())
def test_no_form_of_any_token_is_left_in_text(token, before, after, data):
    form = data.draw(st.sampled_from(forms_of(token)))
    left = Redaction.of(token).text(before + form + after).lower()
    assert not [form for form in forms_of(token) if form.lower() in left]


@given(TOKENS, st.binary(), st.binary(), st.data())
def test_a_body_that_holds_any_form_is_recognised(token, before, after, data):
    form = data.draw(st.sampled_from(forms_of(token)))
    assert concerns(Redaction.of(token), before + form.encode() + after)


@given(TOKENS)
def test_a_body_that_escapes_the_token_is_recognised(token):
    assert concerns(Redaction.of(token), f'"{escaped(token)}"'.encode())
    in_capitals = escaped(token).upper().replace("\\U", "\\u")
    assert concerns(Redaction.of(token), f'"{in_capitals}"'.encode())
    assert concerns(Redaction.of(token), json.dumps(token).replace("/", "\\/").encode())


@pytest.mark.parametrize("token", [TOKEN, SPECIAL, "user:1-ab", "abc", ":::::::::", "%41%42"])
@pytest.mark.parametrize("body", ORDINARY)
def test_an_ordinary_body_is_not_concerned_however_short_the_token(token, body):
    assert not concerns(Redaction.of(token), body)


@pytest.mark.parametrize("body", [rb'{"a": "\u2026secured\u2026"}', rb'{"a": "\n\t\u00e9"}', b"{}"])
def test_escapes_that_hide_no_visible_ascii_cost_no_second_look(monkeypatch, body):
    monkeypatch.setattr(Redaction, "_appears_in", None)
    assert not concerns(redaction, body)


@pytest.mark.parametrize("token", [TOKEN, LONG, SPECIAL, "user:1-ab", ":::::::::", "%41%42%43"])
def test_a_body_that_holds_a_token_of_any_kind_is_recognised(token):
    for form in (token, token.upper(), quote(token, safe=""), quote(quote(token, safe=""))):
        for body in (json.dumps({"a": form}), f'{{"a": "{escaped(form)}"}}'):
            assert concerns(Redaction.of(token), body.encode())


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
