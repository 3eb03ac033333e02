"""Emails remembered by a digest: as exact as a dictionary, in a third of its memory."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.codec.identity import entry_key
from ltx_async.results import known
from ltx_async.results.columns import plain_text
from ltx_async.results.known import KeyNumbers, email_key

EMAILS = st.text(st.characters(exclude_categories=()), max_size=4) | st.sampled_from(
    ["a@x", "a@X", "A@x", r"a\x00@x", "a\0@x", "K@x", "a@\u212a", "a@k", "", "\1a@x", "\0a@x"]
)
PUTS = st.lists(st.tuples(EMAILS, st.integers(0, (1 << 32) - 1), st.booleans()), max_size=30)


@pytest.mark.parametrize("digest", [known._hashed, known._digested])
@given(puts=PUTS)
def test_numbers_are_those_of_a_dictionary(digest, puts):
    numbers, model = KeyNumbers(), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "_digest", digest)
        for email, number, refused in puts:
            key = entry_key(plain_text(email)), refused
            text = email_key(email, refused=refused)
            assert numbers.get(text) == model.get(key)
            assert numbers.put(text, number) == model.get(key)
            model[key] = number
            assert numbers.get(text) == number


@pytest.mark.parametrize("digest", [known._hashed, known._digested])
def test_any_text_can_be_a_key(monkeypatch, digest):
    monkeypatch.setattr(known, "_digest", digest)
    numbers = KeyNumbers()
    assert numbers.put("\udcff@x", 7) is None
    assert (numbers.get("\udcff@x"), numbers.get("\udcfe@x")) == (7, None)


def _shifted(at):
    """Return digests of a, b and c: that of c stands across those of a and b, from `at` on."""
    first = bytes([0, 0, *range(1, 15)])
    second = bytes([0, 0, *range(101, 115)])
    entries = first + bytes(4) + second + bytes(4)
    across = entries[at : at + 16]
    return {"a": first, "b": second, "c": across}


@pytest.mark.parametrize("at", [16, 17, 18])
def test_a_digest_across_two_others_is_not_taken_for_one_that_was_met(monkeypatch, at):
    digests = _shifted(at)
    assert digests["c"][:2] == bytes(2)  # on the same shelf
    monkeypatch.setattr(known, "_digest", digests.__getitem__)
    numbers = KeyNumbers()
    assert numbers.put("a") is numbers.put("b") is None
    assert numbers.get("c") is None
    assert numbers.put("c", 7) is None
    assert numbers.put("c") == 7
    assert [numbers.put(one) for one in "abc"] == [0, 0, 0]


def test_an_email_takes_less_than_half_of_what_an_entry_of_a_dictionary_does():
    numbers = KeyNumbers()
    for number in range(100_000):
        numbers.put(f"user{number}@example.com", number)
    shelves = numbers._shelves
    taken = sys.getsizeof(shelves) + sum(map(sys.getsizeof, shelves.values()))
    assert taken / 100_000 < 80  # a digest as an object of its own and its slot: over 100 bytes
