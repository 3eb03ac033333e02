"""A large JSON object is taken apart member by member, with the verdict of a whole parse."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_async.codec import members as module
from ltx_async.codec.members import members
from ltx_async.jsontext import NotJSONError

NAMES = st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
SPACES = st.text(" \t\r\n", max_size=3)


@pytest.fixture
def in_pieces_of(monkeypatch):
    return lambda size: monkeypatch.setattr(module, "LONGEST", size)


def values(body):
    return {name: json.loads(text) for name, text in members(body)}


@given(st.dictionaries(NAMES, VALUES), st.tuples(SPACES, SPACES), st.booleans(), st.data())
@pytest.mark.parametrize("size", [1 << 20, 300])
def test_every_member_of_an_object_is_found(size, written, spaces, ascii_only, data):
    before, between = spaces
    text = json.dumps(
        written, ensure_ascii=ascii_only, separators=(f"{between},{before}", f"{before}:{between}")
    )
    body = f"{before}{{{between}{text[1:-1]}{before}}}{between}".encode()
    longest = max((len(member) for _, member in members(body)), default=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST", max(size, 12 * longest + 200))
        assert values(body) == written
    cut = data.draw(st.integers(0, len(body.rstrip()) - 1))
    with pytest.raises(NotJSONError):
        dict(members(body.rstrip()[:cut]))


@pytest.mark.parametrize("size", range(50, 70))
def test_a_piece_may_end_anywhere(in_pieces_of, size):
    in_pieces_of(size)
    written = {f"…{number}": [number, "…", {"\\": '"'}] for number in range(100)}
    for ascii_only in (True, False):
        assert values(json.dumps(written, ensure_ascii=ascii_only).encode()) == written


def test_a_name_that_comes_twice_is_told_twice():
    assert list(members(b'{"a":1,"a":2}')) == [("a", b"1"), ("a", b"2")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b"[]",
        b"{}{}",
        b"{},",
        b"{,}",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b'{"a":1}}',
        b'{"a":1} x',
        b'{"a":1 "b":2}',
        b'{"a":1;"b":2}',
        b'{"a" 1}',
        b"{a:1}",
        b"{'a':1}",
        b'{"a":1',
        b'{"a":tru}',
        b'{"a":"x\n"}',
        b'{"\n":1}',
        b'{"a":01}',
        b'{"\\ud800":1}',
        b'{"a":1}\0',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"\xff":1}',
        b"{\x0c}",
        b'{"a":\xc2\xa01}',
        b'{"a":' + b"[" * 100_000 + b"}",
    ],
)
@pytest.mark.parametrize("size", [1 << 20, 30])
def test_what_is_no_object_is_refused_in_the_end(in_pieces_of, body, size):
    in_pieces_of(size)
    with pytest.raises(NotJSONError):
        list(members(body))
    with pytest.raises(NotJSONError):
        list(members(b'{"first": 1, ' + body.lstrip(b"{") + b" "))


def test_a_member_that_is_longer_than_may_be_is_refused(in_pieces_of):
    body = json.dumps({"a": 1, "b": "x" * 100, "c": 2}).encode()
    assert len(values(body)) == 3
    in_pieces_of(100)
    with pytest.raises(NotJSONError):
        list(members(body))
