"""What all lookups of a client share: the log, the gate and the limits."""

import logging

import pytest

from ltx_async.codec import Redaction
from ltx_async.engine.health.outage import Outage
from ltx_async.engine.limiter import Limiter
from ltx_async.engine.logs import Listener
from ltx_async.engine.shared import Shared
from ltx_async.errors import RateLimitError
from ltx_async.events import GateClosed, GateOpened
from ltx_async.retry import OutageRule, RetryPolicy
from unit.scripted import EMAIL, TOKEN, ScriptedTransport
from unit.virtual_time import in_virtual_time, passes

WHY = RateLimitError("HTTP 429", status=429)


def shared(on_event=None, concurrency=4):
    return Shared(
        ScriptedTransport(),
        Limiter(concurrency),
        RetryPolicy(),
        Outage(OutageRule()),
        Redaction.of(TOKEN),
        Listener(on_event),
    )


@in_virtual_time
async def test_the_gate_tells_once_when_it_closes_and_once_when_it_opens(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    told = []
    one = shared(told.append)
    for _ in range(3):
        one.close_gate(2.0, WHY)
    assert told == [GateClosed(2.0, WHY)]
    await passes(2)
    assert told == [GateClosed(2.0, WHY), GateOpened(1)]
    assert [record.message for record in caplog.records] == [
        "nobody sends for 2.0 s: HTTP 429",
        "sending again, 1 at first",
    ]


@pytest.mark.parametrize(("polls", "closed"), [(None, False), (0, True)])
@in_virtual_time
async def test_a_refusal_that_is_forgiven_leaves_the_gate_open(monkeypatch, polls, closed):
    told = []
    monkeypatch.setattr(Limiter, "refused", lambda *_args, **_named: polls)
    one = shared(told.append)
    one.throttled(WHY, 0.0)
    assert one.limiter.closed is closed
    assert [type(event) for event in told] == [GateClosed] * closed


@in_virtual_time
async def test_what_closed_the_gate_is_logged_with_the_email_masked(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    shared().close_gate(1.0, RateLimitError(f"slow down, {EMAIL}", status=429, email=EMAIL))
    assert EMAIL not in caplog.text
    assert "a***@example.com" in caplog.text


@in_virtual_time
async def test_running_out_of_descriptors_warns_once(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    one = shared(concurrency=4)
    for _ in range(4):
        one.limiter.try_acquire()
    for _ in range(3):
        one.limiter.release()
        one.lower_concurrency()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "INFO"]
    assert caplog.messages == [
        f"out of file descriptors: concurrency lowered to {left}" for left in (3, 2, 1)
    ]
