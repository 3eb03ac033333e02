"""When two spellings of an email are one entry, and when they are one account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.codec.identity import entry_key, is_same_account

KELVIN, ANGSTROM, DOTTED_I, FINAL_SIGMA = "\u212a", "\u212b", "\u0130", "\u03c2"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)


def test_only_the_case_of_the_domain_makes_no_difference_to_an_entry():
    assert entry_key("Ann@EXAMPLE.com") == entry_key("Ann@example.COM")
    assert entry_key("Ann@example.com") != entry_key("ann@example.com")
    assert entry_key('"a@B"@X.com') == '"a@B"@x.com'


def test_what_has_no_domain_is_compared_to_the_letter():
    assert entry_key("ABC") != entry_key("abc")


def test_an_account_may_be_spelt_in_any_case():
    assert is_same_account("ann@example.com", "ANN@Example.Com")
    assert not is_same_account("ann@example.com", "bob@example.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"an{KELVIN}@example.com", "ank@example.com"),
        (f"{ANGSTROM}sa@example.com", "\u00e5sa@example.com"),
        (f"{DOTTED_I}da@example.com", "i\u0307da@example.com"),
        ("\u03a3@example.com", "\u03c3@example.com"),
        ("\u00c9va@example.com", "\u00e9va@example.com"),
    ],
)
def test_letters_beyond_ascii_are_never_folded(one, other):
    assert not is_same_account(one, other)
    swapped = ["x@" + text.replace("@", ".") for text in (one, other)]
    assert entry_key(swapped[0]) != entry_key(swapped[1])


def test_ascii_letters_beside_others_are_folded_still():
    assert is_same_account(f"ANN{KELVIN}@X.com", f"ann{KELVIN}@x.COM")
    assert entry_key(f"a@{ANGSTROM}X") == entry_key(f"a@{ANGSTROM}x")


@given(ANY_TEXT, ANY_TEXT)
def test_one_entry_is_always_one_account(one, other):
    if entry_key(one) == entry_key(other):
        assert is_same_account(one, other)


@given(ANY_TEXT)
def test_a_key_is_its_own_key(text):
    assert entry_key(entry_key(text)) == entry_key(text)
