"""Header fields that users add: those that can be sent, and nothing that is the client's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.errors import ConfigurationError
from ltx_async.transport.header_fields import header_fields

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"X-Request-Id": "a b\tc", "baggage": "a=1,b=2"},
        {TOKEN_CHARACTERS: "!~"},
        {"X-Empty": ""},
        {"Via": "1.1 here", "acceptable": "x", "contents": "x", "proxied": "x"},
    ],
)
def test_what_rfc_9110_allows_is_sent_as_it_is(fields):
    assert header_fields(fields) == fields


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "authorization", "HOST", "Cookie", "cookie2", "Set-Cookie"),
        *("Content-Length", "content-type", "Content-", "Connection", "Keep-Alive", "TE"),
        *("Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Proxy-Authorization"),
        *("proxy-connection", "HTTP2-Settings", "Range", "If-None-Match", "Accept"),
        *("accept-encoding", "User-Agent"),
    ],
)
def test_what_is_the_clients_own_is_refused_with_the_way_to_set_it(name):
    with pytest.raises(ConfigurationError, match=f"must not set {name}") as caught:
        header_fields({name: "x"})
    assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a:", "a\r\nHost", "ä", "a\0", "\udc80", 7, None, b"a", "(a)", "a\u2028"],
)
def test_a_name_against_rfc_9110_is_refused(name):
    with pytest.raises(ConfigurationError, match="is no name of a header") as caught:
        header_fields({name: "x"})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "value",
    [
        " hunter2",
        "hunter2 ",
        "\thunter2",
        "hunter2\r\nHost: evil",
        "hunter2\0",
        "hunter2é",
        7,
        None,
        b"x",
        "\x7fhunter2",
    ],
)
def test_a_value_against_rfc_9110_is_refused_without_being_quoted(value):
    with pytest.raises(ConfigurationError, match="value of the header X-Id") as caught:
        header_fields({"X-Id": value})
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("given", [None, 7, "X-Id: 1", [("X-Id", "1")], {"X-Id"}])
def test_what_is_no_mapping_is_refused(given):
    with pytest.raises(ConfigurationError, match=f"must be a mapping.*{type(given).__name__}"):
        header_fields(given)


def test_one_name_twice_is_refused():
    with pytest.raises(ConfigurationError, match="twice"):
        header_fields({"X-Id": "1", "x-id": "2"})


@given(st.text(), st.text())
def test_nothing_that_passes_can_end_its_line(name, value):
    try:
        fields = header_fields({name: value})
    except ConfigurationError:
        return
    line = "".join(f"{name}: {value}" for name, value in fields.items())
    assert line.isascii()
    assert not {"\r", "\n", "\0"} & set(line)
