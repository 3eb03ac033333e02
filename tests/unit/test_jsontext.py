"""JSON with one verdict, whichever library is installed."""

import importlib.util
import json
import math
import sys
import time
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from patience import in_time

from ltx_async import jsontext
from ltx_async.jsontext import DEEPEST, NotJSONError, decode, decode_again, encode

try:
    import orjson
except ImportError:
    PARSERS = [None]
else:
    PARSERS = [orjson.loads, None]

each_parser = pytest.mark.parametrize("parser", PARSERS, ids=lambda p: "orjson" if p else "stdlib")


def decode_with(parser, body):
    with patch.object(jsontext, "_orjson_loads", parser):
        return decode(body)


def verdict(parser, body):
    """Return what comes out, so that 1, 1.0, True and -0.0 differ."""
    try:
        return repr(decode_with(parser, body))
    except NotJSONError:
        return NotJSONError


def assert_one_verdict(body):
    assert len({verdict(parser, body) for parser in [*PARSERS, None]}) == 1, body


def ladder(depth):
    return b"[" * depth + b"]" * depth


ACCEPTED = [
    (b"{}", {}),
    (b" \t\r\n[1 , 2]\n", [1, 2]),
    (b"null", None),
    (b'"\\u0000\\ud83d\\ude00"', "\0😀"),
    (b'"\\uD83D\\uDE00"', "😀"),
    (b'"\x7f\xe2\x80\xa8"', "\x7f\u2028"),
    (b'"\\\\ud800"', "\\ud800"),
    (b"-0", 0),
    (b"-0.0", -0.0),
    (b"1e5", 100000.0),
    (b"1e-400", 0.0),
    (b"0e999999999999999999", 0.0),
    (b"999999999999999999", 10**18 - 1),
    (b"9223372036854775807", 2**63 - 1),
    (b"9223372036854775808", 2**63),
    (b"18446744073709551615", 2**64 - 1),
    (b"-9223372036854775808", -(2**63)),
    (b'"12345678901234567890123"', "12345678901234567890123"),
    (b"0.1234567890123456789012345", 0.1234567890123456789012345),
    (b"1.7976931348623157e308", 1.7976931348623157e308),
    (b'{"a": 1, "a": 2}', {"a": 2}),
    (ladder(DEEPEST), json.loads(ladder(DEEPEST))),
    (b"[" + b"{}," * 19_998 + b"[]]", [{}] * 19_998 + [[]]),
    (
        b'["' + b"[{" * 20_000 + b'", [], "' + b'\\"[' * 20_000 + b'"]',
        ["[{" * 20_000, [], '"[' * 20_000],
    ),
    (b'"' + b"[" * 100_000 + b'"', "[" * 100_000),
    (b"[" + ladder(DEEPEST - 1) + b"," + ladder(DEEPEST - 1) + b"]", None),
    (b'"' + b"[{" * 5000 + b'"', "[{" * 5000),
    (b'["\\"' + b"[" * 500 + b'"]', ['"' + "[" * 500]),
]


@each_parser
@pytest.mark.parametrize(("body", "value"), ACCEPTED)
def test_ordinary_documents_are_decoded(parser, body, value):
    decoded = decode_with(parser, body)
    if value is not None:
        assert repr(decoded) == repr(value)


REFUSED = [
    b"",
    b" ",
    b"{",
    b"nul",
    b"{}{}",
    b"{} x",
    b"1\x00",
    b"[1,]",
    b"{'a': 1}",
    b'{"a" 1}',
    b"01",
    b"1.",
    b".5",
    b"+1",
    b"-",
    b"NaN",
    b"-NaN",
    b"Infinity",
    b"-Infinity",
    b'{"a": NaN}',
    b'"a\nb"',
    b'"\\x41"',
    b'"\\u12g4"',
    b'"open',
    b'"\\',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b'"\xff"',
    b'"\xc3"',
    b'"\xc0\xaf"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'"\\udbff x"',
    b'"\\udc00"',
    b'"\\uDFFF"',
    b'"\\udc00\\ud800"',
    b'{"\\udc00": 1}',
    b'[{"a": ["\\uD83D"]}]',
    b"1e400",
    b"-1e400",
    b"1e999999999999999999",
    b"1e9999999999999999999",
    b"1.7976931348623159e308",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"9" * 5000,
    b"-" + b"9" * 5000,
    b"[" * 200_000,
    b'{"a":' * 200_000,
    ladder(200_000),
    ladder(DEEPEST + 1),
    b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1),
    b"]" * 500 + b"[" * 500,
    b"[" + b"[]," * 200 + ladder(DEEPEST) + b"]",
    b"[" + b'{"a": {}},' * 200 + ladder(DEEPEST) + b"]",
    '{"a": \uff11}'.encode(),
]


@each_parser
@pytest.mark.parametrize("body", REFUSED, ids=lambda body: repr(body[:20]))
def test_anything_else_is_refused_with_a_reason_and_no_context(parser, body):
    with pytest.raises(NotJSONError) as caught:
        decode_with(parser, body)
    assert str(caught.value)
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff", "the body is not valid UTF-8"),
        (b"nope", "the body is not valid JSON"),
        (b"NaN", "NaN and infinities are not JSON"),
        (b"1e400", "a number is out of range"),
        (b"9" * 20, "an integer does not fit in 64 bits"),
        (b'"\\udc00"', "a string holds a lone surrogate"),
        (ladder(101), "the body nests deeper than 100 levels"),
        (ladder(15_000), "the body nests deeper than 100 levels"),
        (b"[" + b"{}," * 20_000 + b"0]", "the body holds more than 20,000 arrays and objects"),
    ],
)
def test_the_standard_parser_says_why(body, reason):
    with pytest.raises(NotJSONError) as caught:
        decode_with(None, body)
    assert str(caught.value) == reason


@each_parser
def test_no_reason_quotes_the_document(parser):
    for tail in [b"", b"NaN", b"1e400", b"9" * 30, b'"\\udc00"', b"\xff", b"[" * 300]:
        with pytest.raises(NotJSONError) as caught:
            decode_with(parser, b'["canary", ' + tail)
        assert "canary" not in str(caught.value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
DIGITS = st.text("0123456789", min_size=1, max_size=25)
NUMBER_LIKE = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-", "+"]),
    DIGITS,
    st.just("") | DIGITS.map(".{}".format),
    st.just("") | st.builds("{}{}".format, st.sampled_from(["e", "E", "e-", "e+"]), DIGITS),
)
TOKENS = ["{", "}", "[", "]", ",", ":", '"', "\\", "\\u", "d83d", "dc00", "a", "1", "-", ".", "e"]
TOKENS += ["null", "true", "NaN", " ", "\n", "\0", "\ufeff", "é", '"a"', "1" * 18, "9" * 19]


@given(JSON, st.booleans(), st.sampled_from([None, 2]))
def test_every_value_comes_out_as_it_went_in(value, ascii_only, indent):
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    for parser in PARSERS:
        assert repr(decode_with(parser, body)) == repr(value)


@given(NUMBER_LIKE)
@example("123456789012345678.123456789012345678e-18")
@example("18446744073709551616")
def test_numbers_have_one_verdict(text):
    assert_one_verdict(text.encode())


@given(st.binary())
def test_arbitrary_bytes_have_one_verdict(body):
    assert_one_verdict(body)


@given(st.lists(st.sampled_from(TOKENS)).map("".join))
def test_json_like_text_has_one_verdict(text):
    assert_one_verdict(text.encode())


@given(st.lists(st.sampled_from(["d83d", "dc00", "DBFF", "DFFF", "0041", "\\\\ud800"])))
def test_escaped_surrogates_have_one_verdict(escapes):
    text = "".join(e if e.startswith("\\") else f"\\u{e}" for e in escapes)
    assert_one_verdict(f'["{text}"]'.encode())


@given(JSON, st.data())
def test_mutated_documents_have_one_verdict(value, data):
    body = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    assert_one_verdict(bytes(body))


def test_integers_beyond_64_bits_never_become_floats():
    assert verdict(PARSERS[0], b'{"a": 18446744073709551616}') is NotJSONError


@each_parser
@pytest.mark.parametrize(
    "body",
    [
        b"[]" * 60 + b'"' + b'\\"' * 400_000,
        b"[]" * 60 + b'"' + b"\\" * 800_001,
        b"[" + b"[]," * 60 + b'"' + b"a" * 1_000_000 + b'"]',
        b'["' + b"{" * 1_000_000,
        b"[" + b"1," * 400_000,
        b"1" * 1_000_000,
        b"0." + b"1" * 1_000_000,
        b"1" * 500_000 + b"e-500000",
    ],
    ids=lambda body: repr(body[-8:]),
)
def test_a_hostile_body_of_a_megabyte_takes_linear_time(parser, body):
    started = time.perf_counter()
    verdict(parser, body)
    assert in_time(time.perf_counter() - started, 2)


def load_afresh(monkeypatch, orjson_module):
    monkeypatch.setitem(sys.modules, "orjson", orjson_module)
    spec = importlib.util.spec_from_file_location("jsontext_afresh", jsontext.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_orjson_the_standard_library_does_it(monkeypatch):
    module = load_afresh(monkeypatch, None)
    assert module._orjson_loads is None
    assert module.encode({"a": [1, "\u2026"]}) == b'{"a":[1,"\\u2026"]}'
    assert module.decode(b'{"a": 1.5}') == {"a": 1.5}


def test_where_orjson_is_installed_it_is_used(monkeypatch):
    fast = SimpleNamespace(loads=lambda body: ("orjson", body), dumps=lambda _: b"orjson")
    module = load_afresh(monkeypatch, fast)
    assert module.decode(b"{}") == ("orjson", b"{}")
    assert module.encode({}) == b"orjson"


def test_infinity_never_comes_out():
    for parser in PARSERS:
        assert not math.isinf(decode_with(parser, b"1e308"))


def again_with(parser, body):
    with patch.object(jsontext, "_orjson_loads", parser):
        return repr(decode_again(body))


def refusing(body):
    raise ValueError(body)


@pytest.mark.parametrize(
    "parser", [*PARSERS, refusing], ids=["orjson", "stdlib", "refusing"][-len(PARSERS) - 1 :]
)
@pytest.mark.parametrize("body", [body for body, _ in ACCEPTED], ids=lambda body: repr(body[:20]))
def test_what_was_accepted_is_decoded_again_as_it_was(parser, body):
    assert again_with(parser, body) == verdict(None, body)


@given(
    st.from_regex(rb"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,25})?", fullmatch=True)
)
@example(b"18446744073709551615")
@example(b"18446744073709551615.0")
@example(b"1e-0000000000000000000000001")
def test_a_number_of_any_length_that_was_accepted_is_decoded_again_as_it_was(body):
    first = verdict(None, body)
    if first is not NotJSONError:
        assert {again_with(parser, body) for parser in PARSERS} == {first}


ENCODED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(1e-9, 1e-3)
    | st.floats(1e14, 1e18)
    | st.text()
    | st.text('ab\x7f\u2028\x85\ud800\0\n1e0"\\', max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(ENCODED)
@example(1e16)
@example(0.00001)
@example({"\x7f": "\x7f"})
@example("\u2028")
def test_values_are_encoded_as_the_same_bytes_whichever_library_is_there(value):
    text = encode(value)
    assert text == json.dumps(value, separators=(",", ":")).encode()
    assert len(text.decode("ascii").splitlines()) == 1
