from hypothesis import given
from hypothesis import strategies as st

from ltx_async import Outcome
from ltx_async.cli.checking.earlier import Earlier
from ltx_async.codec.identity import entry_key
from ltx_async.inputs.seen import Meeting, SeenEmails
from ltx_async.results.columns import plain_text

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=5)


def test_each_email_is_met_for_the_first_time_once():
    seen = SeenEmails()
    assert [seen.meet(email) for email in ("a@x", "b@x", "a@X", "A@x")] == [
        Meeting.FIRST,
        Meeting.FIRST,
        Meeting.AGAIN,
        Meeting.FIRST,
    ]


def test_what_is_refused_is_not_what_looks_like_it():
    seen = SeenEmails()
    assert seen.meet("a@x") is Meeting.FIRST
    assert seen.meet("a@x", refused=True) is Meeting.FIRST
    assert seen.meet("a@x", refused=True) is Meeting.AGAIN


def test_an_email_with_a_record_is_met_with_it_once():
    seen, ok = SeenEmails(), Earlier(Outcome.OK)
    seen.remember("a@X", Earlier(Outcome.NOT_FOUND))
    seen.remember("a@x", ok)
    assert seen.meet("a@x") is ok
    assert seen.meet("a@X") is Meeting.AGAIN


def test_a_record_of_a_refused_email_is_no_record_of_one_that_was_asked_for():
    seen, invalid = SeenEmails(), Earlier(Outcome.INVALID)
    seen.remember(r"caf\xe9@x", invalid, refused=True)
    assert seen.meet(r"caf\xe9@x") is Meeting.FIRST
    assert seen.meet(r"caf\xe9@x", refused=True) is invalid


@given(st.lists(ANY_TEXT, max_size=30))
def test_any_text_can_be_remembered(emails):
    seen = SeenEmails()
    met = [seen.meet(email) for email in emails]
    assert met.count(Meeting.FIRST) == len({entry_key(plain_text(email)) for email in emails})


@given(ANY_TEXT)
def test_an_email_is_known_again_in_the_text_that_any_format_can_keep(email):
    seen, ok = SeenEmails(), Earlier(Outcome.OK)
    seen.remember(plain_text(email), ok)
    assert seen.meet(email) is ok
