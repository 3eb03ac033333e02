"""One lookup from its first attempt to its result, in virtual time."""

import asyncio
import contextlib
import itertools
import logging
import random

import pytest
from inside import shared_by

from ltx_async.codec import Reply
from ltx_async.errors import (
    AccountNotFoundError,
    AttemptTimeoutError,
    CertificateError,
    ConfigurationError,
    ConnectError,
    DeadlineError,
    DecodeError,
    ProtocolError,
    RateLimitError,
    ReauthenticationError,
    ResponseError,
    ServerError,
)
from ltx_async.events import (
    AttemptFinished,
    AttemptStarted,
    GateClosed,
    GateOpened,
    LookupFinished,
    PaceLearned,
    RetryScheduled,
)
from ltx_async.models import Outcome
from unit.scripted import (
    EMAIL,
    HANGS,
    After,
    ScriptedTransport,
    client_over,
    cut,
    no_descriptors,
    policy,
    refused,
    throttled,
)
from unit.virtual_time import in_virtual_time, now, passes


def unavailable(retry_after):
    return Reply(503, {"retry-after": str(retry_after)}, b"")


def gaps(transport):
    first, *others = transport.times
    return [pytest.approx(at - first) for at in others]


async def look_up(*script, latency=0.0, **options):
    """Look up one email; return the lookup, the transport and the client."""
    transport = ScriptedTransport(script, latency=latency)
    client = client_over(transport, **options)
    return await client.lookup(EMAIL), transport, client


# Attempts


@in_virtual_time
async def test_a_reply_at_the_first_attempt_is_the_result():
    lookup, transport, _ = await look_up(200, latency=0.25)
    assert (lookup.index, lookup.email, lookup.outcome) == (0, EMAIL, Outcome.OK)
    assert (lookup.status, lookup.attempts, lookup.elapsed) == (200, 1, 0.25)
    assert lookup.account.token_balance == 7
    assert lookup.error is None
    assert len(transport.sent) == 1


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
@pytest.mark.parametrize("step", [500, 408, 527, refused, cut, HANGS])
@in_virtual_time
async def test_attempts_are_exact(attempts, step):
    lookup, transport, _ = await look_up(step, retry=policy(attempts=attempts))
    assert len(transport.sent) == lookup.attempts == lookup.error.attempts == attempts
    assert lookup.outcome is Outcome.FAILED
    assert lookup.account is None


@pytest.mark.parametrize(
    ("step", "error", "outcome"),
    [
        (404, AccountNotFoundError, Outcome.NOT_FOUND),
        (596, ReauthenticationError, Outcome.NEEDS_REAUTH),
        (400, ResponseError, Outcome.FAILED),
        (403, ResponseError, Outcome.FAILED),
        (525, ServerError, Outcome.FAILED),
        (526, ServerError, Outcome.FAILED),
        (530, ServerError, Outcome.FAILED),
        (600, ResponseError, Outcome.FAILED),
        (Reply(200, {}, b"[]"), DecodeError, Outcome.FAILED),
        (lambda: CertificateError("expired"), CertificateError, Outcome.FAILED),
    ],
)
@in_virtual_time
async def test_what_no_retry_can_mend_is_asked_once(step, error, outcome):
    lookup, transport, _ = await look_up(step)
    assert type(lookup.error) is error
    assert lookup.outcome is outcome
    assert len(transport.sent) == 1


@in_virtual_time
async def test_a_retry_waits_for_its_backoff_and_can_succeed():
    lookup, transport, _ = await look_up(500, cut, 200, retry=policy(base=2.0, jitter=0.5))
    assert gaps(transport) == [1.0, 3.0]
    assert (lookup.outcome, lookup.attempts, lookup.status) == (Outcome.OK, 3, 200)
    assert lookup.elapsed == pytest.approx(3.0)


@in_virtual_time
async def test_the_status_is_that_of_the_last_reply():
    lookup, _, _ = await look_up(503, cut)
    assert lookup.status == 503
    lookup, _, _ = await look_up(cut)
    assert lookup.status is None


@in_virtual_time
async def test_a_dead_reused_connection_is_replaced_once_at_once_and_without_cost():
    told = []
    lookup, transport, client = await look_up(
        lambda: cut(reused=True), 200, retry=policy(attempts=1, budget=0), on_event=told.append
    )
    assert lookup.outcome is Outcome.OK
    assert transport.renewed == 1
    assert lookup.attempts == 2
    assert gaps(transport) == [0.0]
    assert shared_by(client).budget.available == 0
    assert not any(isinstance(event, RetryScheduled) for event in told)


@in_virtual_time
async def test_the_replacement_is_an_attempt_like_any_other():
    lookup, transport, _ = await look_up(
        lambda: cut(reused=True), retry=policy(attempts=2, base=1.0)
    )
    assert type(lookup.error) is ProtocolError
    assert gaps(transport) == [0.0, 0.5, 0.5]
    assert lookup.attempts == 3 + 1


# Slots


@in_virtual_time
async def test_a_slot_covers_an_attempt_never_a_sleep():
    transport = ScriptedTransport(
        lambda email, n: unavailable(10) if (email, n) == (EMAIL, 1) else 200
    )
    client = client_over(transport, concurrency=1)
    sleeping = asyncio.create_task(client.lookup(EMAIL))
    await passes()
    began = now()
    assert (await client.lookup("bob@example.com")).outcome is Outcome.OK
    assert now() == began
    assert (await sleeping).outcome is Outcome.OK


@in_virtual_time
async def test_never_more_requests_at_a_time_than_concurrency():
    transport = ScriptedTransport(latency=1.0)
    client = client_over(transport, concurrency=3)
    await asyncio.gather(*(client.lookup(EMAIL) for _ in range(10)))
    assert transport.most_under_way == 3
    assert gaps(transport) == [0, 0, 1, 1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize("concurrency", [1, 3])
@in_virtual_time
async def test_cancelling_anywhere_a_thousand_times_leaks_no_slot(concurrency):
    generator = random.Random(concurrency)
    steps = [200, 500, 404, cut, throttled(1), After(0.7, 200), After(50, 200)]
    transport = ScriptedTransport(lambda _email, _n: generator.choice(steps), latency=0.3)
    client = client_over(transport, concurrency=concurrency, timeout=2.0, rate=50)

    async def cancelled():
        task = asyncio.create_task(client.lookup(EMAIL))
        await asyncio.sleep(generator.random() * 3)
        cancelled = task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled() == cancelled

    for _ in range(200):
        await asyncio.gather(*(cancelled() for _ in range(5)))
    transport.script = (200,)
    assert (await client.lookup(EMAIL)).outcome is Outcome.OK
    assert shared_by(client).limiter.under_way == transport.under_way == 0


@in_virtual_time
async def test_an_error_that_is_not_ours_gives_the_slot_back_and_comes_out():
    transport = ScriptedTransport(lambda _email, _n: 1 / 0)
    client = client_over(transport, concurrency=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await client.lookup(EMAIL)


# Timeouts and deadlines


@in_virtual_time
async def test_the_timeout_counts_from_the_slot_on():
    transport = ScriptedTransport([After(9, 200)])
    client = client_over(transport, concurrency=1, timeout=10)
    lookups = await asyncio.gather(*(client.lookup(EMAIL) for _ in range(5)))
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}


@in_virtual_time
async def test_one_lookup_may_have_its_own_timeout_and_deadline():
    transport = ScriptedTransport([HANGS])
    client = client_over(transport, retry=policy(attempts=1))
    began = now()
    assert type((await client.lookup(EMAIL, timeout=2)).error) is AttemptTimeoutError
    assert now() == began + 2
    assert type((await client.lookup(EMAIL, deadline=3)).error) is DeadlineError
    assert now() == began + 5


@in_virtual_time
async def test_the_deadline_covers_attempts_and_sleeps():
    began = now()
    lookup, transport, _ = await look_up(
        HANGS, timeout=4, deadline=10, retry=policy(attempts=100, base=1.0, cap=1.0)
    )
    assert type(lookup.error) is DeadlineError
    assert type(lookup.error.last_error) is AttemptTimeoutError
    assert [sent.timeout for sent in transport.sent] == [4, 4, pytest.approx(1.0)]
    assert now() == pytest.approx(began + 10)
    assert str(lookup.error) == (f"{EMAIL}: not answered within 10 s; last: no whole reply in time")


@in_virtual_time
async def test_an_attempt_cut_short_by_the_deadline_is_the_deadlines_fault():
    lookup, _, _ = await look_up(HANGS, timeout=30, deadline=10, retry=policy(attempts=1))
    assert type(lookup.error) is DeadlineError
    lookup, _, _ = await look_up(HANGS, timeout=9, deadline=10, retry=policy(attempts=1))
    assert type(lookup.error) is AttemptTimeoutError


@in_virtual_time
async def test_the_deadline_of_a_single_lookup_covers_queueing():
    transport = ScriptedTransport([After(20, 200)])
    client = client_over(transport, concurrency=1)
    first = asyncio.create_task(client.lookup(EMAIL))
    await passes()
    began = now()
    lookup = await client.lookup("bob@example.com", deadline=5)
    assert now() == began + 5
    assert type(lookup.error) is DeadlineError
    assert lookup.error.last_error is None
    assert lookup.error.message == "not answered within 5 s; still waiting for its turn"
    assert (lookup.attempts, lookup.status, lookup.elapsed) == (0, None, 0.0)
    assert (await first).outcome is Outcome.OK
    assert shared_by(client).limiter.under_way == 0


@in_virtual_time
async def test_a_turn_that_comes_after_the_deadline_is_not_waited_for_and_not_taken():
    transport = ScriptedTransport()
    client = client_over(transport, rate=0.001)
    began = now()
    await client.lookup(EMAIL)
    for _ in range(3):
        lookup = await client.lookup("bob@example.com", deadline=2)
        assert type(lookup.error) is DeadlineError
    assert now() == began
    assert (await client.lookup("cid@example.com", deadline=1001)).outcome is Outcome.OK
    assert transport.times == [began, pytest.approx(began + 1000)]


@in_virtual_time
async def test_those_whose_turn_comes_too_late_behind_others_fail_at_once():
    client = client_over(ScriptedTransport(), rate=1.0)
    began = now()
    ended = []

    async def look_up(number):
        lookup = await client.lookup(f"{number}@example.com", deadline=3.5)
        ended.append((lookup.outcome, round(now() - began, 2)))

    await asyncio.gather(*(look_up(number) for number in range(20)))
    late = [at for outcome, at in ended if outcome is Outcome.FAILED]
    assert late == [0] * 16
    assert [at for outcome, at in ended if outcome is Outcome.OK] == [0, 1, 2, 3]


@in_virtual_time
async def test_a_retry_whose_turn_comes_after_the_deadline_is_not_waited_for():
    client = client_over(ScriptedTransport(lambda _email, _n: 500), rate=0.01)
    began = now()
    lookup = await client.lookup(EMAIL, deadline=50)
    assert type(lookup.error) is DeadlineError
    assert type(lookup.error.last_error) is ServerError
    assert now() == began


@in_virtual_time
async def test_in_a_run_a_turn_is_waited_for_past_the_deadline():
    client = client_over(ScriptedTransport(), rate=0.001)
    lookups = await client.lookup_many([EMAIL, "bob@example.com"], deadline=2)
    assert [lookup.outcome for lookup in lookups] == [Outcome.OK] * 2


@in_virtual_time
async def test_a_gate_that_opens_after_the_deadline_is_not_waited_for():
    transport = ScriptedTransport([throttled(20), 200])
    client = client_over(transport)
    throttled_one = asyncio.create_task(client.lookup(EMAIL))
    await passes()
    began = now()
    lookup = await client.lookup("bob@example.com", deadline=5)
    assert type(lookup.error) is DeadlineError
    assert now() == began
    assert (await throttled_one).outcome is Outcome.OK


@pytest.mark.parametrize("step", [unavailable(15), throttled(15)])
@in_virtual_time
async def test_a_retry_that_cannot_finish_is_not_started(step):
    began = now()
    lookup, transport, client = await look_up(step, deadline=10)
    assert now() == began
    assert type(lookup.error) is DeadlineError
    assert lookup.error.last_error.status == lookup.status == step.status
    assert len(transport.sent) == 1
    assert shared_by(client).budget.available == 500


# Throttles


@in_virtual_time
async def test_a_throttle_uses_neither_an_attempt_nor_budget():
    lookup, transport, client = await look_up(
        *[throttled()] * 5, 200, retry=policy(attempts=1, budget=0)
    )
    assert lookup.outcome is Outcome.OK
    assert lookup.attempts == len(transport.sent) == 6
    assert shared_by(client).budget.available == 0


@in_virtual_time
async def test_throttles_back_off_by_a_second_at_least():
    _, transport, _ = await look_up(*[throttled()] * 6, 200, retry=policy(jitter=0.5))
    waits = [b - a for a, b in zip(transport.times, transport.times[1:], strict=False)]
    assert waits == pytest.approx([1.05, 2.1, 4.2, 8.4, 10.5, 10.5])
    _, transport, _ = await look_up(throttled(0), 200)
    assert gaps(transport) == [1.0]


@in_virtual_time
async def test_one_lookup_puts_up_with_so_many_throttles():
    lookup, transport, client = await look_up(throttled(), retry=policy(throttles=2))
    assert type(lookup.error) is RateLimitError
    assert len(transport.sent) == 3
    assert shared_by(client).limiter.refused_for() <= 0


@in_virtual_time
async def test_a_throttle_makes_everybody_wait_as_told_plus_a_little():
    transport = ScriptedTransport(
        lambda email, n: throttled(30) if (email, n) == (EMAIL, 1) else 200
    )
    client = client_over(transport, retry=policy(jitter=0.5))
    began = now()
    first = asyncio.create_task(client.lookup(EMAIL))
    await passes()
    others = [client.lookup(f"{n}@example.com") for n in range(10)]
    lookups = await asyncio.gather(first, *others)
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert transport.times[1] == began + 30.5
    assert min(transport.times[1:]) == transport.times[1]


@in_virtual_time
async def test_no_herd_when_the_gate_opens():
    transport = ScriptedTransport(lambda _email, _n: throttled(5) if now() < began + 1 else 200)
    transport.latency = 1.0
    client = client_over(transport, concurrency=16, retry=policy(jitter=0.0))
    began = now()
    await asyncio.gather(*(client.lookup(f"{n}@example.com") for n in range(16)))
    after = [at - (began + 6) for at in transport.times if at > began + 1]
    # One, and nobody else before its answer; then one after another, each a little sooner.
    assert after[:2] == [0.0, 1.0]
    waits = [b - a for a, b in itertools.pairwise(after)]
    assert waits[1] > 0.8
    assert all(0 < later < earlier for earlier, later in itertools.pairwise(waits[1:]))
    assert len(after) == 16


@in_virtual_time
async def test_a_503_with_retry_after_delays_that_lookup_alone():
    transport = ScriptedTransport(
        lambda email, n: unavailable(30) if (email, n) == (EMAIL, 1) else 200
    )
    client = client_over(transport, retry=policy(jitter=0.5))
    began = now()
    first = asyncio.create_task(client.lookup(EMAIL))
    await passes()
    await client.lookup("bob@example.com")
    assert now() == began
    await first
    assert now() == began + 30.5


@in_virtual_time
async def test_a_503_that_asks_for_too_long_ends_that_lookup_at_once():
    began = now()
    lookup, transport, client = await look_up(unavailable(61))
    assert type(lookup.error) is ServerError
    assert lookup.error.retry_after == 61
    assert len(transport.sent) == 1
    assert now() == began
    assert (await client.lookup("bob@example.com")).attempts == 1


@in_virtual_time
async def test_a_429_that_asks_for_too_long_ends_this_lookup_and_those_after_it_until_then():
    transport = ScriptedTransport([throttled(100), 200])
    client = client_over(transport)
    began = now()
    lookup = await client.lookup(EMAIL)
    assert type(lookup.error) is RateLimitError
    assert lookup.error.retry_after == 100
    await asyncio.sleep(40)
    lookup = await client.lookup(EMAIL)
    assert type(lookup.error) is RateLimitError
    assert lookup.error.retry_after == pytest.approx(60)
    assert "another 60 s" in str(lookup.error)
    assert (lookup.attempts, lookup.status) == (0, None)
    assert len(transport.sent) == 1
    assert now() == began + 40  # nobody slept
    await asyncio.sleep(60)
    assert (await client.lookup(EMAIL)).outcome is Outcome.OK


@in_virtual_time
async def test_who_is_queued_when_the_server_refuses_fails_with_the_time_left_and_sends_nothing():
    transport = ScriptedTransport([After(5, throttled(100))])
    client = client_over(transport, concurrency=1)
    lookups = await asyncio.gather(*(client.lookup(f"{n}@example.com") for n in range(4)))
    assert [type(lookup.error) for lookup in lookups] == [RateLimitError] * 4
    assert len(transport.sent) == 1
    assert shared_by(client).limiter.under_way == 0


# The budget (as in the AWS SDKs)


@pytest.mark.parametrize(
    ("capacity", "script", "outcome", "requests", "left"),
    [
        (500, [500, 500, 200], Outcome.OK, 3, 495),
        (500, [502, 502, 502], Outcome.FAILED, 3, 490),
        (5, [500, 502], Outcome.FAILED, 2, 0),
        (0, [500], Outcome.FAILED, 1, 0),
        (9, [HANGS], Outcome.FAILED, 1, 9),
        (10, [HANGS, 200], Outcome.OK, 2, 10),
        (500, [HANGS, 500, 200], Outcome.OK, 3, 490),
        (500, [500, 404], Outcome.NOT_FOUND, 2, 500),
        (500, [500, 596], Outcome.NEEDS_REAUTH, 2, 500),
        (500, [500, 400], Outcome.FAILED, 2, 495),
        (500, [throttled(), throttled(), 200], Outcome.OK, 3, 500),
    ],
)
@in_virtual_time
async def test_the_budget_is_exact(capacity, script, outcome, requests, left):
    lookup, transport, client = await look_up(*script, retry=policy(budget=capacity))
    assert lookup.outcome is outcome
    assert len(transport.sent) == requests
    assert shared_by(client).budget.available == left


@in_virtual_time
async def test_a_clean_success_returns_one():
    _, _, client = await look_up(500, 500, 500, 404, 200)
    assert shared_by(client).budget.available == 490
    await client.lookup(EMAIL)
    await client.lookup(EMAIL)
    assert shared_by(client).budget.available == 492


@in_virtual_time
async def test_the_budget_of_fifty_tasks_is_never_below_0_or_above_its_capacity():
    generator = random.Random(4)
    transport = ScriptedTransport(lambda _email, _n: generator.choice([200, 500, 503, cut, HANGS]))
    transport.latency = 0.1
    seen = set()
    client = client_over(
        transport,
        concurrency=50,
        timeout=3,
        retry=policy(budget=60),
        on_event=lambda _event: seen.add(shared_by(client).budget.available),
    )

    async def ask():
        for _ in range(20):
            await client.lookup(EMAIL)

    await asyncio.gather(*(ask() for _ in range(50)))
    assert min(seen) in range(5)
    assert max(seen) == 60


# This machine's own trouble


@in_virtual_time
async def test_running_out_of_descriptors_costs_nothing_and_lowers_concurrency(caplog):
    lookup, transport, client = await look_up(
        *[no_descriptors] * 6, 200, concurrency=4, retry=policy(attempts=1, budget=0)
    )
    assert lookup.outcome is Outcome.OK
    assert len(transport.sent) == 7
    assert shared_by(client).limiter.concurrency == 1
    assert [r.levelname for r in caplog.records if "descriptors" in r.message] == ["WARNING"]


@in_virtual_time
async def test_without_descriptors_for_ever_a_lookup_ends_at_its_deadline():
    began = now()
    lookup, _, _ = await look_up(no_descriptors, deadline=20)
    assert type(lookup.error) is DeadlineError
    assert type(lookup.error.last_error) is ConnectError
    assert began + 15 < now() <= began + 20


# Events and the log


@in_virtual_time
async def test_events_come_in_order():
    told = []
    lookup, _, _ = await look_up(
        500, cut, 200, latency=0.25, retry=policy(jitter=0.5, base=1.0), on_event=told.append
    )
    first, second = told[1].error, told[4].error
    assert type(first) is ServerError
    assert type(second) is ProtocolError
    assert told == [
        AttemptStarted(EMAIL, 1),
        AttemptFinished(EMAIL, 1, 0.25, 500, first),
        RetryScheduled(EMAIL, 1, 0.5, first),
        AttemptStarted(EMAIL, 2),
        AttemptFinished(EMAIL, 2, 0.25, None, second),
        RetryScheduled(EMAIL, 2, 1.0, second),
        AttemptStarted(EMAIL, 3),
        AttemptFinished(EMAIL, 3, 0.25, 200, None),
        LookupFinished(lookup),
    ]


@in_virtual_time
async def test_a_throttle_is_told_as_a_closed_gate():
    told = []
    lookup, _, _ = await look_up(throttled(3), 200, retry=policy(jitter=0.0), on_event=told.append)
    why = told[1].error
    assert told == [
        AttemptStarted(EMAIL, 1),
        AttemptFinished(EMAIL, 1, 0.0, 429, why),
        GateClosed(3.0, why),
        GateOpened(1),
        AttemptStarted(EMAIL, 2),
        AttemptFinished(EMAIL, 2, 0.0, 200, None),
        PaceLearned(4 / 3, None),
        LookupFinished(lookup),
    ]


@in_virtual_time
async def test_a_retry_without_a_wait_is_told_too():
    told = []
    await look_up(500, 200, retry=policy(base=0.0), on_event=told.append)
    assert [event.delay for event in told if isinstance(event, RetryScheduled)] == [0.0]


@in_virtual_time
async def test_an_email_that_is_refused_has_its_event_and_no_request():
    told = []
    transport = ScriptedTransport()
    client = client_over(transport, on_event=told.append)
    lookup = await client.lookup(" ")
    assert lookup.outcome is Outcome.INVALID
    assert told == [LookupFinished(lookup)]
    assert transport.sent == []


@in_virtual_time
async def test_a_listener_that_raises_is_not_felt():
    def listener(event):
        raise RuntimeError(event)

    lookup, transport, _ = await look_up(throttled(), 500, 200, on_event=listener)
    assert lookup.outcome is Outcome.OK
    assert len(transport.sent) == 3


@in_virtual_time
async def test_the_log_masks_emails_at_info_also_when_the_server_repeats_them(caplog):
    caplog.set_level(logging.INFO, "ltx_async")
    echo = b'{"error": "no luck with ' + EMAIL.encode() + b'"}'
    await look_up(Reply(503, {}, echo), Reply(429, {}, echo), Reply(400, {}, echo))
    assert caplog.messages == [
        "asking again for a***@example.com in 0.2 s: HTTP 503: no luck with a***@example.com",
        "nobody sends for 1.1 s: HTTP 429: no luck with a***@example.com",
        "sending again, 1 at first",
        "a***@example.com failed: HTTP 400: no luck with a***@example.com",
    ]


@in_virtual_time
async def test_the_log_at_debug_names_the_email_and_every_attempt(caplog):
    caplog.set_level(logging.DEBUG, "ltx_async")
    await look_up(500, 200)
    assert sum("AttemptStarted" in message for message in caplog.messages) == 2
    assert EMAIL in caplog.text


@in_virtual_time
async def test_records_of_the_log_say_in_fields_of_their_own_what_happened(caplog):
    caplog.set_level(logging.DEBUG, "ltx_async")
    await look_up(503, throttled(2), 400, latency=0.25, retry=policy(base=1.0))
    fields = ("email", "attempt", "status", "seconds", "error_type")
    said = [[getattr(record, name, None) for name in fields] for record in caplog.records]
    masked = "a***@example.com"
    assert said == [
        [masked, 1, None, None, None],  # AttemptStarted
        [masked, 1, 503, 0.25, "ServerError"],
        [masked, 1, 503, 0.5, "ServerError"],  # asking again
        [masked, 1, 503, 0.5, "ServerError"],
        [masked, 2, None, None, None],
        [masked, 2, 429, 0.25, "RateLimitError"],
        [None, None, 429, 2.1, "RateLimitError"],  # nobody sends
        [None, None, 429, 2.1, "RateLimitError"],
        [None, None, None, None, None],  # sending again
        [None, None, None, None, None],
        [masked, 3, None, None, None],
        [masked, 3, 400, 0.25, "ResponseError"],
        [None, None, None, None, None],  # PaceLearned
        [masked, 3, 400, pytest.approx(3.35), "ResponseError"],  # failed
        [masked, 3, 400, pytest.approx(3.35), "ResponseError"],
    ]
    assert all(EMAIL not in str(value) for record in said for value in record)


@in_virtual_time
async def test_an_attempt_that_is_cancelled_has_its_end_too():
    told = []
    client = client_over(ScriptedTransport([HANGS]), on_event=told.append)
    task = asyncio.create_task(client.lookup(EMAIL))
    await passes(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert told == [AttemptStarted(EMAIL, 1), AttemptFinished(EMAIL, 1, 1.0, None, None)]


@pytest.mark.parametrize("fault", [KeyError("x"), ConfigurationError("closed"), SystemExit()])
@in_virtual_time
async def test_an_attempt_that_could_not_be_sent_has_its_end_too(fault):
    def headers(_attempt):
        raise fault

    told = []
    client = client_over(ScriptedTransport(), on_event=told.append, headers=headers)
    with pytest.raises(type(fault)):
        await client.lookup(EMAIL)
    error = fault if isinstance(fault, ConfigurationError) else None
    assert told == [AttemptStarted(EMAIL, 1), AttemptFinished(EMAIL, 1, 0.0, None, error)]


# The client closes meanwhile


@pytest.mark.parametrize("script", [[unavailable(10)], [throttled(10)], [lambda: cut(reused=True)]])
@in_virtual_time
async def test_what_still_waits_when_the_client_closes_is_told_and_sends_nothing_more(script):
    transport = ScriptedTransport(script, latency=1.0)
    client = client_over(transport, concurrency=1)
    tasks = [asyncio.create_task(client.lookup(f"{n}@example.com")) for n in range(3)]
    await passes(0.5)
    await client.aclose()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [ConfigurationError] * 3
    assert len(transport.sent) == 1
