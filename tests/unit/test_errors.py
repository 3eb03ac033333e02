"""The exception tree: plain data that pickles, copies and prints without secrets."""

import copy
import errno
import inspect
import pickle
from datetime import UTC, datetime

import pytest

from ltx_async import errors
from ltx_async.errors import (
    AccountNotFoundError,
    AttemptTimeoutError,
    AuthenticationError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    DeadlineError,
    DecodeError,
    InvalidEmailError,
    LTXError,
    ProtocolError,
    RateLimitError,
    ReauthenticationError,
    RedirectError,
    ResponseError,
    ServerError,
    ServiceUnavailableError,
    SubscriptionError,
    TransportError,
)
from ltx_async.models import Account, Cookie, Lookup, Outcome

CANARY = "canary-0123456789"
TREE = {
    ConfigurationError: (LTXError,),
    InvalidEmailError: (LTXError, ValueError),
    TransportError: (LTXError,),
    ConnectError: (TransportError,),
    AttemptTimeoutError: (TransportError,),
    ProtocolError: (TransportError,),
    DeadlineError: (LTXError, TimeoutError),
    CertificateError: (LTXError,),
    ServiceUnavailableError: (LTXError,),
    ResponseError: (LTXError,),
    AuthenticationError: (ResponseError,),
    SubscriptionError: (ResponseError,),
    AccountNotFoundError: (ResponseError,),
    ReauthenticationError: (ResponseError,),
    RateLimitError: (ResponseError,),
    RedirectError: (ResponseError,),
    ServerError: (ResponseError,),
    DecodeError: (LTXError,),
}
EVERY_CLASS = [LTXError, *TREE]


def example(cls):
    """Return an instance with every attribute set to something telling."""
    details = {"hint": "Do this.", "email": "ann@example.com", "attempts": 3}
    if issubclass(cls, ResponseError):
        details |= {"status": 503, "ray": "8f0-FRA", "retry_after": 1.5}
    if cls is ConnectError:
        details |= {"errno": 111}
    if cls is ProtocolError:
        details |= {"reused": True}
    if cls is DeadlineError:
        details |= {"last_error": ConnectError("refused", errno=111)}
    if cls is DecodeError:
        details |= {"problems": ["email: expected a string, got null"], "status": 203}
    return cls("it went wrong", **details)


def answered():
    """Return one lookup whose account holds secrets."""
    account = Account(
        "ann@example.com",
        Cookie(CANARY, CANARY, CANARY, {"lt_extra": CANARY}),
        extra={"session": CANARY},
        wire={"cookie": {"lt_token": CANARY}, "session": CANARY},
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Lookup(0, "ann@example.com", Outcome.OK, account, None, 200, 1, 0.1, now)


def plain_state(error):
    """Return what an error knows, with inner errors as text, for comparison."""
    return {k: str(v) if isinstance(v, LTXError) else v for k, v in vars(error).items()}


def test_the_tree_is_the_documented_one_and_complete():
    defined = {
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, BaseException)
    }
    assert defined == set(EVERY_CLASS)
    for cls, bases in TREE.items():
        assert cls.__bases__ == bases


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_every_error_carries_a_one_line_hint(cls):
    status = {"status": 500} if issubclass(cls, ResponseError) else {}
    hint = cls("it went wrong", **status).hint
    assert hint == cls.default_hint
    assert hint.endswith(".")
    assert hint.isprintable()
    if cls is not LTXError:
        assert hint != LTXError.default_hint


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_running_out_of_descriptors_is_told_from_an_absent_server(number):
    assert ConnectError("x", errno=number).out_of_descriptors
    assert not ConnectError("x", errno=errno.ECONNREFUSED).out_of_descriptors
    assert not ConnectError("x").out_of_descriptors


def test_a_hint_of_its_own_wins():
    assert LTXError("x", hint="Do that.").hint == "Do that."
    assert LTXError("x", hint="").hint == ""


def test_what_is_not_told_is_none_or_empty():
    error = ResponseError("HTTP 500", status=500)
    assert (error.email, error.attempts, error.lookups) == (None, 0, ())
    assert (error.ray, error.retry_after) == (None, None)
    assert ConnectError("x").errno is None
    assert ProtocolError("x").reused is False
    assert DeadlineError("x").last_error is None
    assert (DecodeError("x").problems, DecodeError("x").status) == ((), 200)


def test_details_past_the_message_are_by_keyword_only():
    with pytest.raises(TypeError):
        LTXError("x", "hint")
    with pytest.raises(TypeError):
        ResponseError("x", 500)


def test_problems_are_kept_as_a_tuple():
    problems = ["email: expected a string, got null"]
    error = DecodeError("x", problems=problems)
    problems.clear()
    assert error.problems == ("email: expected a string, got null",)


@pytest.mark.parametrize(
    ("email", "text"),
    [
        (None, "gone"),
        ("ann@example.com", "ann@example.com: gone"),
        ("jürgen@example.com", "jürgen@example.com: gone"),
        ("a\x1b[31m@example.com", r"'a\x1b[31m@example.com': gone"),
        ("a\n@example.com", r"'a\n@example.com': gone"),
        ("a\ud800@example.com", r"'a\ud800@example.com': gone"),
        ("a\u202e@example.com", r"'a\u202e@example.com': gone"),
        ("x" * 254, "x" * 254 + ": gone"),
        ("x" * 255, "x" * 254 + "…: gone"),
        ("x" * 10_000_000, "x" * 254 + "…: gone"),
    ],
)
def test_text_names_the_email_shortened_and_inert(email, text):
    assert str(LTXError("gone", email=email)) == text


@pytest.mark.parametrize("cls", EVERY_CLASS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_survives_pickling(cls, protocol):
    error = example(cls)
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is cls
    assert plain_state(again) == plain_state(error)
    assert (again.args, str(again), repr(again)) == (error.args, str(error), repr(error))


@pytest.mark.parametrize("cls", EVERY_CLASS)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_every_error_can_be_copied(cls, duplicate):
    error = example(cls)
    again = duplicate(error)
    assert again is not error
    assert type(again) is cls
    assert plain_state(again) == plain_state(error)
    assert (again.args, str(again), repr(again)) == (error.args, str(error), repr(error))
    again.attempts = 99
    assert error.attempts == 3


def test_inner_errors_survive_pickling():
    again = pickle.loads(pickle.dumps(example(DeadlineError)))
    assert type(again.last_error) is ConnectError
    assert again.last_error.errno == 111


class OddSignatureError(LTXError):
    def __init__(self, first, second):
        super().__init__(f"{first} {second}")
        self.second = second


def test_a_subclass_with_another_signature_survives_pickling():
    again = pickle.loads(pickle.dumps(OddSignatureError("a", "b")))
    assert type(again) is OddSignatureError
    assert (str(again), again.second) == ("a b", "b")


def test_notes_survive_pickling():
    error = LTXError("x")
    error.add_note("seen twice")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["seen twice"]


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_cookies_of_what_was_answered_show_in_no_text_and_no_pickle(cls):
    error = example(cls).with_lookups([answered()])
    assert error.lookups[0].account.cookie.lt_token == CANARY
    texts = [str(error), repr(error), f"{error}", f"{error!s:>80}", repr(vars(error))]
    assert not [text for text in texts if CANARY in text]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert CANARY.encode() not in pickle.dumps(error, protocol)
    assert pickle.loads(pickle.dumps(error)).lookups == ()


def test_cookies_below_an_inner_error_show_in_no_pickle():
    error = DeadlineError("late", last_error=LTXError("x").with_lookups([answered()]))
    assert CANARY.encode() not in pickle.dumps(error)


def test_a_copy_keeps_what_was_answered():
    lookups = [answered()]
    assert copy.copy(LTXError("x").with_lookups(lookups)).lookups is lookups


def test_with_lookups_returns_the_error_itself():
    error = LTXError("x")
    assert error.with_lookups([]) is error
    assert error.lookups == []


def test_errors_compare_and_hash_by_identity():
    one, other = LTXError("x"), LTXError("x")
    assert one != other
    assert {one, other, one} == {other, one}
    assert len({one, other}) == 2


def test_builtin_classes_catch_their_kin():
    with pytest.raises(ValueError, match="refused"):
        raise InvalidEmailError("refused")
    with pytest.raises(TimeoutError):
        raise DeadlineError("late")
