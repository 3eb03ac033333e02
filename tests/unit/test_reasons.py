"""Reasons are one where they differ in nothing but an email or a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.errors import ServerError
from ltx_async.reasons import MOST_KINDS, OTHER, Reason, Reasons, as_json
from ltx_async.wording import why


def reasons_of(*messages, email="", error_type="ServerError", status=500):
    reasons = Reasons()
    for message in messages:
        reasons.add(Reason(error_type, status, message), email)
    return reasons.counted()


@pytest.mark.parametrize(
    ("one", "another", "shown"),
    [
        ("no ann@example.com", "no bob@example.org", "no …"),
        ('no "ann%40example.com".', 'no "bob%40example.org".', 'no "…".'),
        ("HTTP 500: request 81f-2 failed", "HTTP 500: request 99a-7 failed",
         "HTTP 500: request … failed"),
        ("HTTP 429 (asks to wait 4.5 s)", "HTTP 429 (asks to wait 61 s)",
         "HTTP 429 (asks to wait … s)"),
        ("no reply at 10:01:02, try again", "no reply at 10:01:03, try again",
         "no reply at …, try again"),
        ("connect to ('10.0.0.1', 443)", "connect to ('10.0.0.2', 443)", "connect to ('…', …)"),
    ],
)  # fmt: skip
def test_messages_that_differ_in_emails_and_numbers_are_one_reason(one, another, shown):
    (reason,) = reasons_of(one, another, one)
    assert reason == Reason("ServerError", 500, shown)


def test_the_email_that_was_asked_for_is_no_part_of_a_reason():
    reasons = Reasons()
    for email in ('"a b"@example.com', '"c d e"@example.com'):
        reasons.add(Reason("ServerError", 500, f"nothing for {email} here"), email)
    assert list(reasons.counted()) == [Reason("ServerError", 500, "nothing for … here")]


def test_a_number_that_is_the_same_in_all_is_shown():
    (reason,) = reasons_of(*["no whole reply within 30 s"] * 3)
    assert reason.message == "no whole reply within 30 s"


@pytest.mark.parametrize(
    "other",
    [
        Reason("ServerError", 502, "HTTP 500: down"),
        Reason("ProtocolError", 500, "HTTP 500: down"),
        Reason("ServerError", 500, "HTTP 500: away"),
        Reason("ServerError", None, "HTTP 500: down"),
    ],
)
def test_class_status_and_words_tell_reasons_apart(other):
    reasons = Reasons()
    for reason in (other, Reason("ServerError", 500, "HTTP 500: down")):
        reasons.add(reason)
    assert len(reasons.counted()) == 2


def test_the_most_frequent_comes_first():
    counted = reasons_of("rare", *["often"] * 3, "more", "more")
    assert [(one.message, count) for one, count in counted.items()] == [
        ("often", 3), ("more", 2), ("rare", 1),
    ]  # fmt: skip


def names(count):
    """Return distinct words without a digit."""
    return ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(count)]


def test_beyond_fifty_kinds_the_rarest_are_counted_together_and_none_is_lost():
    counted = reasons_of(*["often"] * 3, *names(200), *["late"] * 5)
    assert len(counted) == MOST_KINDS + 1
    assert sum(counted.values()) == 208
    first, second, *_, last = counted
    assert (first.message, second.message) == ("late", "often")
    assert last == OTHER


def test_other_reasons_that_are_added_stay_other_reasons():
    reasons = Reasons()
    for reason in (OTHER, Reason("ServerError", 500, "down"), OTHER, None):
        reasons.add(reason)
    assert reasons.counted() == {Reason("ServerError", 500, "down"): 1, OTHER: 2}


def test_kinds_that_come_to_look_alike_lose_no_count():
    reasons = Reasons()
    message = "said of a b@example.com alone"
    for email in ("a b@example.com", "x@example.com"):
        reasons.add(Reason("ServerError", 500, message), email)
    assert reasons.counted() == {Reason("ServerError", 500, message): 2}


@given(st.lists(st.tuples(st.text(), st.text()), max_size=80))
def test_whatever_is_said_the_counts_add_up(said):
    reasons = Reasons()
    for message, email in said:
        reasons.add(Reason("ServerError", 500, message), email)
    assert sum(reasons.counted().values()) == len(said)
    assert len(reasons.counted()) <= MOST_KINDS + 1


def test_a_long_message_costs_little():
    (reason,) = reasons_of("x" * 10_000_000, "x" * 9_999_999)
    assert len(reason.message) <= 120


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (Reason("ServerError", 500, "down", hint="Do that."), "Do that."),
        (Reason("ServerError", 500, "down"), ServerError.default_hint),
        (Reason("NoSuchError", 500, "down"), ""),
        (Reason("Final", 500, "down"), ""),
        (OTHER, ""),
    ],
)
def test_a_reason_says_what_to_do_also_where_only_its_class_is_known(reason, advice):
    assert reason.advice == advice
    assert as_json({reason: 7})[0]["hint"] == advice
    assert why(reason, 1234) == f"1,234 × {reason.message}. {advice}".rstrip()


def test_what_is_said_of_a_reason_is_one_harmless_line():
    assert "\x1b" not in why(Reason("ServerError", 500, "\x1b[31m\n", hint="\x1b\n"), 1)
    assert len(why(Reason("ServerError", 500, "x" * 10**6, hint="y" * 10**6), 1)) < 600
