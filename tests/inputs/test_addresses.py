"""Which texts may be an address, and which are in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.codec.emails import refusal
from ltx_async.inputs.addresses import addresses_in, is_plain, is_unusual, objection

PIECES = ["a", "b", "@", ".", " ", ",", "<", ">", '"', "'", "mailto:", "=", "\u200b", "“", "é", ":"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(TEXT)
def test_what_is_extracted_is_an_address_and_a_plain_one_is_its_own(text):
    found = list(addresses_in(text))
    assert all(objection(address) is None for address in found)
    if is_plain(text):
        assert found == [text]


@given(TEXT.map(str.strip))
def test_whatever_the_library_refuses_is_objected_to_and_plain_ones_are_not(text):
    assert objection(text) is not None or refusal(text) is None
    if is_plain(text):
        assert objection(text) is None


def test_the_length_comes_first():
    assert objection("x" * 10_000_000 + "@b") == "the email is longer than 254 octets"


@pytest.mark.parametrize(
    ("email", "unusual"),
    [
        ("ann@example.com", False),
        ("o'brien+x@example.com", False),
        ("jörg@müller.example", False),
        ("a:b@example.com", True),
        ("a\\b@example.com", True),
        ('"a b"@example.com', True),
    ],
)
def test_special_characters_are_unusual(email, unusual):
    assert is_unusual(email) is unusual


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("'Ann' <ann@x>, \"Lee, Bob\" <bob@x>", ["ann@x", "bob@x"]),
        ('"a b"@x, c@d', ['"a b"@x', "c@d"]),
        ("o'brien@x 'ann@x'", ["o'brien@x", "ann@x"]),
        ("mailto:a@b?cc=c@d", ["a@b"]),
        ("‚a@b‘ «c@d» 「e@f」", ["a@b", "c@d", "e@f"]),  # noqa: RUF001
        ("a@b...", ["a@b"]),
        ("@ a@ @b a@b@c", []),
    ],
)
def test_the_addresses_in_a_text(text, found):
    assert list(addresses_in(text)) == found
