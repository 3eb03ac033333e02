"""Email in, request out: the server is asked for exactly this email, or not at all."""

import pickle
import time
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_async.codec import ACCOUNT_LIST, Request, account_target
from ltx_async.codec.emails import refusal
from ltx_async.errors import InvalidEmailError, as_text

PREFIX = "/ltxstudio/accounts/"
UNESCAPED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@%")
PIECES = ["a", ".", "..", "/", "\\", "@", "%2e", "%2F", "%00", "?", "#", ";", ":", "//", "é", "😀"]
EMAIL_LIKE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@pytest.mark.parametrize(
    ("email", "segment"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann@EXAMPLE.com", "Ann@EXAMPLE.com"),
        ("ann+tag@example.com", "ann%2Btag@example.com"),
        ("a/b@example.com", "a%2Fb@example.com"),
        ("a\\b@example.com", "a%5Cb@example.com"),
        ("a?b#c@example.com", "a%3Fb%23c@example.com"),
        ("a%2Fb@example.com", "a%252Fb@example.com"),
        ("a@b@example.com", "a@b@example.com"),
        ("a;b=c&d@example.com", "a%3Bb%3Dc%26d@example.com"),
        ('"a b"@example.com', "%22a%20b%22@example.com"),
        ("o'neil@example.com", "o%27neil@example.com"),
        ("jürgen@exämple.com", "j%C3%BCrgen@ex%C3%A4mple.com"),
        ("😀@example.com", "%F0%9F%98%80@example.com"),
        ("a\u2028b@example.com", "a%E2%80%A8b@example.com"),
        ("...@example.com", "...@example.com"),
        ("../x@..", None),
        ("a/.../b@example.com", "a%2F...%2Fb@example.com"),
        ("a@b", "a@b"),
    ],
)
def test_an_email_is_one_percent_encoded_segment(email, segment):
    if segment is None:
        assert refusal(email) is not None
    else:
        assert account_target(email).target == PREFIX + segment


REFUSED = {
    "empty": ["", " ", "\t\n", "\u3000\u2003"],
    "no @ with something": ["ann", "@", "a@", "@a", "@a@", "@@", "example.com", "😀"],
    "control characters or lone surrogates": [
        "a\x00@example.com",
        "a\r\nHost: x@example.com",
        "ann@example.com\n",
        "\tann@example.com",
        "a\x1b[0m@example.com",
        "a\x7f@example.com",
        "a\x85@example.com",
        "a\x9f@example.com",
        "a\ud800@example.com",
        "a\udfff@example.com",
        "caf\udce9@example.com",
    ],
    "white space at its beginning or end": [
        " ann@example.com",
        "ann@example.com ",
        "\xa0ann@example.com",
        "ann@example.com\u2028",
        " @ ",
    ],
    "longer than 254 octets": [
        "a" * 243 + "@example.com",
        "é" * 122 + "@example.com",
        "😀" * 61 + "@example.com",
        "\x00" * 255,
        "x" * 10_000_000,
    ],
    "a part . or ..": [
        "./a@example.com",
        "../a@example.com",
        "a@example.com/..",
        "a@example.com/.",
        "a@b/../c",
        "a@b\\..\\c",
        "a@b/.\\c",
        "..\\a@example.com",
        "//../a@example.com",
    ],
}


@pytest.mark.parametrize(
    ("reason", "email"), [(reason, email) for reason, emails in REFUSED.items() for email in emails]
)
def test_what_the_server_could_not_be_asked_for_is_refused(reason, email):
    with pytest.raises(InvalidEmailError) as caught:
        account_target(email)
    assert reason in caught.value.message
    assert caught.value.email == email
    assert len(str(caught.value)) < 10 * 254
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "email", ["a" * 242 + "@example.com", "é" * 121 + "@example.com", "😀" * 60 + "ab@example.com"]
)
def test_254_octets_are_allowed(email):
    assert len(email.encode()) == 254
    assert unquote(account_target(email).target) == PREFIX + email


@pytest.mark.parametrize("email", [None, 5, b"ann@example.com", ["ann@example.com"], 1.5, object()])
def test_what_is_no_text_is_refused_with_its_type(email):
    with pytest.raises(InvalidEmailError, match=f"of type {type(email).__name__}") as caught:
        account_target(email)
    assert str(caught.value) == f"{as_text(email)}: {caught.value.message}"
    assert pickle.loads(pickle.dumps(caught.value)).email == as_text(email)


class Scalar:
    """What pyarrow gives where one iterates over a column."""

    def as_py(self):
        return "ann@example.com"


class Array:
    """A row of numpy, which is no sequence by its class."""

    def __len__(self):
        return 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "nan: the email is no text but of type float: is it a blank? leave it out"),
        (None, "None: the email is no text but of type NoneType: is it a blank? leave it out"),
        (type("NAType", (), {})(), "<NAType>: … of type NAType: is it a blank? leave it out"),
        (("ann@example.com", "pw"), "<tuple>: … of type tuple: did you pass rows? take row[0]"),
        (["ann@example.com"], "<list>: … of type list: did you pass rows? take row[0]"),
        ({"email": "a@b"}, '<dict>: … of type dict: did you pass rows? take row["email"]'),
        (Scalar(), "<Scalar>: … of type Scalar: pass column.to_pylist(), or take value.as_py()"),
        (b"ann@example.com", "<bytes>: … of type bytes: decode it first, value.decode()"),
        (bytearray(b"a@b"), "<bytearray>: … of type bytearray: decode it first, value.decode()"),
        (Array(), "<Array>: … of type Array: did you pass rows? take row[0]"),
        (7, "7: the email is no text but of type int"),
        (10**300, "1" + "0" * 253 + ": the email is no text but of type int"),
    ],
)
def test_what_is_no_text_is_refused_with_the_way_to_the_text(value, text):
    with pytest.raises(InvalidEmailError) as caught:
        account_target(value)
    assert str(caught.value) == text.replace("…", "the email is no text but")


class Text(str):
    """A string of somebody's own, as numpy has one."""

    __slots__ = ()

    def __str__(self):
        raise AssertionError("nobody asks it")


def test_a_string_of_another_type_is_taken():
    assert account_target(Text("ann@example.com")).target.endswith("/ann@example.com")
    assert type(as_text(Text("ann@example.com"))) is str


def test_the_length_comes_first_so_that_megabytes_cost_nothing():
    email = " " * 10_000_000 + "\x00"
    started = time.thread_time()
    for _ in range(1000):
        refusal(email)
    assert time.thread_time() - started < 0.5


@given(st.text() | EMAIL_LIKE | st.emails())
@example("a@b/%2e%2e/c")
@example("\u200ba@b\u200b")
def test_the_server_decodes_exactly_the_email_or_it_was_refused(email):
    try:
        request = account_target(email)
    except InvalidEmailError:
        return
    assert request.target.startswith(PREFIX)
    segment = request.target.removeprefix(PREFIX)
    assert set(segment) <= UNESCAPED
    assert unquote_to_bytes(segment).decode() == email


@given(EMAIL_LIKE)
def test_no_email_leaves_the_accounts_path_however_a_server_resolves_it(email):
    if refusal(email) is not None:
        return
    parts = unquote(account_target(email).target).replace("\\", "/").split("/")
    assert parts[:3] == ["", "ltxstudio", "accounts"]
    assert not {".", ".."} & set(parts)


@given(st.text("aZ0.-_~@", max_size=8) | st.integers(240, 260).map(lambda n: "a" * n + "@b"))
@example(".a@b")
@example("a@b\n")
@example("a@b@c")
def test_plain_emails_take_no_shortcut_past_a_refusal(email):
    if refusal(email) is None:
        assert account_target(email) == Request(PREFIX + email, 1 << 20)
    else:
        with pytest.raises(InvalidEmailError):
            account_target(email)


@given(st.emails())
def test_ordinary_emails_are_never_refused(email):
    assert refusal(email) is None or len(email) > 254


def test_an_account_may_take_1_mib_and_the_list_64():
    assert account_target("ann@example.com").body_cap == 1 << 20
    assert Request("/ltxstudio/accounts", 64 << 20, headers=True) == ACCOUNT_LIST


def test_a_request_is_a_value():
    request = account_target("ann@example.com")
    assert request == account_target("ann@example.com")
    assert pickle.loads(pickle.dumps(request)) == request
