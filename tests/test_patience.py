"""What tests judge time by can fail, and gives a busy machine more of it."""

import asyncio
import os

import patience
import pytest
from patience import in_time, reached, until


def test_what_took_too_long_is_not_in_time(monkeypatch):
    monkeypatch.setattr(patience, "slowness", lambda: 1.0)
    assert in_time(0.9, 1)
    assert not in_time(1.0, 1)
    monkeypatch.setattr(patience, "slowness", lambda: 3.0)
    assert in_time(2.9, 1)
    assert not in_time(3.0, 1)


def test_a_machine_is_as_slow_as_it_is_loaded(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert patience.slowness() >= 1.0
    monkeypatch.setattr(os, "getloadavg", lambda: (50.0 * os.cpu_count(), 0.0, 0.0))
    assert patience.slowness() >= 50.0


def test_what_never_happens_is_not_waited_for_for_ever():
    seen = iter([0, "", "seen"])
    assert until(lambda: next(seen)) == "seen"
    with pytest.raises(AssertionError, match="it has not happened within 0 s"):
        until(lambda: False, seconds=0.01)
    with pytest.raises(AssertionError, match="it has not happened within 0 s"):
        asyncio.run(reached(lambda: False, seconds=0.01))
    assert asyncio.run(reached(lambda: "seen")) == "seen"
