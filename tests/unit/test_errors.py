"""The exception tree: plain data that pickles, copies and prints without secrets."""

import copy
import errno
import inspect
import json
import logging
import pickle
import traceback
import typing

import pytest

from ltx_async import errors
from ltx_async.errors import (
    CLASS_OF_STATUS,
    RETRIED_STATUSES,
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
    ProxyAuthenticationError,
    RateLimitError,
    ReauthenticationError,
    RedirectError,
    ResponseError,
    ServerError,
    ServiceRefusedError,
    ServiceUnavailableError,
    SubscriptionError,
    TransportError,
    as_text,
)
from ltx_async.files.errors import FileError, InputCutError, OutputFailedError
from ltx_async.retry import RetryPolicy

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
    ServiceRefusedError: (LTXError,),
    ResponseError: (LTXError,),
    AuthenticationError: (ResponseError,),
    SubscriptionError: (ResponseError,),
    ProxyAuthenticationError: (ResponseError,),
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
        details |= {"status": 503, "ray": "8f0-FRA", "retry_after": 1.5, "html": True}
    if cls is ConnectError:
        details |= {"errno": 111, "nobody_listens": True, "misdirected": True}
    if cls is ProtocolError:
        details |= {"reused": True}
    if cls in {DeadlineError, ServiceRefusedError, ServiceUnavailableError}:
        details |= {"last_error": ConnectError("refused", errno=111)}
    if cls is DecodeError:
        details |= {"problems": ["email: expected a string, got null"], "status": 203, "html": True}
    return cls("it went wrong", **details)


def pickled(error):
    return pickle.loads(pickle.dumps(error))


def deepest(error):
    return copy.deepcopy(pickled(copy.copy(error)))


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


FILE_CLASSES = [FileError, *FileError.__subclasses__(), *OutputFailedError.__subclasses__()]


@pytest.mark.parametrize("cls", [*EVERY_CLASS, *FILE_CLASSES, InputCutError])
@pytest.mark.parametrize("way", [lambda error: error, copy.copy, pickled, deepest])
def test_every_error_can_be_made_anew_of_its_args_as_task_queues_do(cls, way):
    status = next(iter(sorted(getattr(cls, "statuses", None) or {418})))
    error = cls("it went wrong", **({"status": status} if issubclass(cls, ResponseError) else {}))
    kept = way(error)
    anew = type(kept)(*json.loads(json.dumps(kept.args)))
    assert type(anew) is cls
    assert plain_state(anew) == plain_state(error)
    assert (str(anew), repr(anew)) == (str(error), f"{cls.__name__}('it went wrong')")


@pytest.mark.parametrize("cls", [*EVERY_CLASS, *FILE_CLASSES])
def test_the_repr_of_an_error_is_one_line_of_bounded_length(cls):
    status = {"status": 500} if issubclass(cls, ResponseError) else {}
    error = cls("a\nb" * 100_000, email="ann@example.com", **status)
    assert repr(error).isprintable()
    assert len(repr(error)) < 1_000
    assert "ann@" not in repr(error)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_running_out_of_descriptors_is_told_from_an_absent_server(number):
    assert ConnectError("x", errno=number).out_of_descriptors
    assert not ConnectError("x", errno=errno.ECONNREFUSED).out_of_descriptors
    assert not ConnectError("x").out_of_descriptors


# Facts


STATUSES = {
    AuthenticationError: {401},
    SubscriptionError: {402},
    ProxyAuthenticationError: {407},
    AccountNotFoundError: {404},
    ReauthenticationError: {596},
    RateLimitError: {429},
    RedirectError: set(range(300, 400)),
    ServerError: set(range(500, 596)) | {597, 598, 599},
    ResponseError: set(),
}


def test_each_class_says_which_statuses_are_its_own_and_no_status_has_two():
    assert {cls: cls.statuses for cls in STATUSES} == STATUSES
    assert set(STATUSES) == {cls for cls in EVERY_CLASS if issubclass(cls, ResponseError)}
    claimed = [status for cls in STATUSES for status in cls.statuses]
    assert len(claimed) == len(set(claimed))
    assert {status: CLASS_OF_STATUS[status] for status in claimed} == CLASS_OF_STATUS


@pytest.mark.parametrize("cls", STATUSES)
def test_the_table_of_statuses_is_made_of_what_the_classes_say(cls):
    assert {status for status, of in CLASS_OF_STATUS.items() if of is cls} == set(cls.statuses)


@pytest.mark.parametrize(
    ("cls", "status"),
    [(cls, *statuses) for cls, statuses in STATUSES.items() if len(statuses) == 1],
)
def test_a_class_of_one_status_need_not_be_told_it(cls, status):
    assert cls("x").status == status
    again = cls(*cls("x", ray="8f0-FRA").args)
    assert (str(again), again.status) == ("x", status)
    assert cls("x", status=999).status == 999


@pytest.mark.parametrize(("cls", "status"), [(ResponseError, 418), (ServerError, 503)])
def test_an_error_of_several_statuses_is_rebuilt_from_its_arguments(cls, status):
    """As Celery does, which keeps the class and `args`."""
    error = cls("x", status=status)
    again = cls(*error.args)
    assert (again.args, again.status, str(again)) == (error.args, status, "x")
    assert again.retryable is error.retryable


@pytest.mark.parametrize("cls", [ResponseError, RedirectError, ServerError])
def test_a_class_of_several_statuses_has_to_be_told_which(cls):
    with pytest.raises(TypeError, match=f"{cls.__name__} needs a status"):
        cls("x")


def test_a_subclass_of_a_user_takes_no_status_away():
    class TeapotError(ServerError):
        statuses = frozenset({418, 500})

    assert TeapotError("x", status=418).status == 418
    assert CLASS_OF_STATUS[500] is ServerError
    assert 418 not in CLASS_OF_STATUS


ENDING = {
    AuthenticationError,
    SubscriptionError,
    ProxyAuthenticationError,
    CertificateError,
    ServiceRefusedError,
    ServiceUnavailableError,
}


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_each_class_says_whether_it_ends_a_run(cls):
    assert cls.ends_run is (cls in ENDING)
    assert example(cls).ends_run is cls.ends_run


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ConnectError("x"), True),
        (AttemptTimeoutError("x"), True),
        (ProtocolError("x"), True),
        (DeadlineError("x"), True),
        (ServiceUnavailableError("x"), True),
        (ServiceRefusedError("x"), False),
        (RateLimitError("x"), True),
        (ConfigurationError("x"), False),
        (InvalidEmailError("x"), False),
        (CertificateError("x"), False),
        (AuthenticationError("x"), False),
        (SubscriptionError("x"), False),
        (ProxyAuthenticationError("x"), False),
        (AccountNotFoundError("x"), False),
        (ReauthenticationError("x"), False),
        (RedirectError("x", status=302), False),
        (DecodeError("x"), False),
    ],
)
def test_an_error_says_whether_the_same_request_may_be_answered_later(error, retryable):
    assert error.retryable is retryable
    with pytest.raises(AttributeError):
        error.retryable = not retryable


@pytest.mark.parametrize("status", range(100, 1000))
def test_of_a_reply_the_one_table_says_whether_it_is_retryable(status):
    error = CLASS_OF_STATUS.get(status, ResponseError)("x", status=status)
    assert error.retryable is (status in RETRIED_STATUSES or status == 429)
    assert RetryPolicy().retries(error) is (status in RETRIED_STATUSES)


def test_what_readers_of_the_annotations_find_is_complete():
    for cls in EVERY_CLASS:
        assert typing.get_type_hints(cls)["ends_run"] == typing.ClassVar[bool]
        assert typing.get_type_hints(cls.__init__)["message"] is str


def test_a_hint_of_its_own_wins():
    assert LTXError("x", hint="Do that.").hint == "Do that."
    assert LTXError("x", hint="").hint == ""


def test_what_is_not_told_is_none_or_empty():
    error = ResponseError("HTTP 500", status=500)
    assert (error.email, error.attempts) == (None, 0)
    assert (error.ray, error.retry_after, error.html) == (None, None, False)
    assert ConnectError("x").errno is None
    assert ConnectError("x").nobody_listens is False
    assert ProtocolError("x").reused is False
    assert DeadlineError("x").last_error is None
    assert ServiceUnavailableError("x").last_error is None
    assert ServiceRefusedError("x").last_error is None
    decode_error = DecodeError("x")
    assert (decode_error.problems, decode_error.status, decode_error.html) == ((), 200, False)


def test_details_past_message_and_status_are_by_keyword_only():
    with pytest.raises(TypeError):
        LTXError("x", "hint")
    with pytest.raises(TypeError):
        ResponseError("x", 500, "8f0-FRA")


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
    assert pickle.loads(pickle.dumps(error)).__notes__ == [error.hint, "seen twice"]


@pytest.mark.parametrize("cls", EVERY_CLASS)
def test_the_hint_is_shown_by_tracebacks(cls):
    error = example(cls)
    assert "".join(traceback.format_exception(error)).endswith("it went wrong\nDo this.\n")
    copy.copy(error).add_note("of the copy")
    assert error.__notes__ == ["Do this."]


def test_without_a_hint_there_is_no_note():
    error = LTXError("x", hint="")
    assert not hasattr(error, "__notes__")
    assert str(copy.copy(error)) == "x"


@pytest.mark.parametrize("email", [float("nan"), ("ann@example.com", 7), object(), b"x", 7, ["a"]])
def test_an_error_about_what_is_no_text_prints_is_logged_and_pickled(email, caplog):
    error = LTXError("gone", email=as_text(email))
    logging.getLogger("test").warning("%s %r", error, error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert "example.com" not in caplog.text
    assert str(LTXError("gone", email=email)).endswith(": gone")


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
