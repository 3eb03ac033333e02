"""What waits on a connection is asked of the system, where it can be asked."""

import select
import socket

import pytest

from ltx_async.transport.unread import unread_on


class Pipe:
    """A transport over one end of a pair of sockets."""

    def __init__(self, end):
        self.end = end

    def get_extra_info(self, name):
        return self.end if name == "socket" else None


@pytest.fixture
def ends():
    mine, theirs = socket.socketpair()
    with mine, theirs:
        yield mine, theirs


def test_bytes_and_an_end_are_something_and_silence_is_nothing(ends):
    mine, theirs = ends
    unread = unread_on(Pipe(mine))
    assert not unread()
    theirs.send(b"x")
    assert unread()
    mine.recv(1)
    assert not unread()
    theirs.close()
    assert unread()


def test_where_the_system_cannot_be_asked_nothing_came(ends, monkeypatch):
    mine, theirs = ends
    theirs.send(b"x")
    assert not unread_on(None)()
    assert not unread_on(Pipe(None))()
    monkeypatch.delattr(select, "poll")
    assert not unread_on(Pipe(mine))()
