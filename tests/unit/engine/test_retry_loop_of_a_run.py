"""What the lookups of one run do to each other: its end, its waits, and the outage rule."""

import asyncio
import collections
import itertools
import random

import pytest
from inside import shared_by

from ltx_async.codec import Reply
from ltx_async.errors import (
    AttemptTimeoutError,
    AuthenticationError,
    CertificateError,
    ConnectError,
    DeadlineError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    SubscriptionError,
)
from ltx_async.events import GateClosed, GateOpened, PaceLearned, RetryScheduled
from ltx_async.models import Outcome
from ltx_async.retry import OutageRule
from unit.scripted import (
    EMAIL,
    HANGS,
    After,
    ScriptedTransport,
    client_over,
    emails,
    no_descriptors,
    policy,
    refused,
    throttled,
)
from unit.virtual_time import in_virtual_time, now, passes

BAD = "bad@example.com"


async def run_of(client, addresses):
    """Return what was delivered by the email, the error the run ended with, and its stats."""
    delivered, error = {}, None
    async with client.lookup_many(addresses) as lookups:
        try:
            async for lookup in lookups:
                delivered[lookup.email] = lookup
        except Exception as reason:  # noqa: BLE001 - the test looks at it
            error = reason
        return delivered, error, lookups.stats


def outcomes(delivered):
    return {lookup.outcome for lookup in delivered.values()}


def only(email, step, *, otherwise=200):
    return lambda asked, _n: step if asked == email else otherwise


# The end of a run


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (401, AuthenticationError),
        (402, SubscriptionError),
        (lambda: CertificateError("expired"), CertificateError),
        (throttled(61), RateLimitError),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 4])
@in_virtual_time
async def test_some_replies_end_the_run_and_what_was_not_tried_is_pending(step, error, concurrency):
    addresses = emails(50)
    transport = ScriptedTransport(only(addresses[10], step), latency=0.1)
    delivered, reason, stats = await run_of(
        client_over(transport, concurrency=concurrency), addresses
    )
    assert type(reason) is error
    assert addresses[10] not in delivered
    assert set(addresses[:10]) <= set(delivered)
    assert len(transport.sent) == len(delivered) + 1 <= 11 + concurrency
    assert outcomes(delivered) == {Outcome.OK}
    assert sum(stats.outcomes.values()) == len(delivered)


@in_virtual_time
async def test_requests_in_flight_when_the_run_ends_are_finished_and_delivered():
    def script(email, _n):
        return After(1, 401) if email == BAD else After(5, 200)

    transport = ScriptedTransport(script)
    delivered, reason, _ = await run_of(client_over(transport, concurrency=3), [BAD, *emails(20)])
    assert type(reason) is AuthenticationError
    assert sorted(delivered) == emails(2)


@pytest.mark.parametrize("wait", [500, throttled(20), Reply(503, {"retry-after": "20"}, b"")])
@in_virtual_time
async def test_what_waits_when_the_run_ends_is_pending_at_once(wait):
    transport = ScriptedTransport(only(BAD, After(1, 401), otherwise=wait))
    client = client_over(transport, concurrency=3, retry=policy(base=10.0, cap=10.0, jitter=1.0))
    began = now()
    delivered, reason, _ = await run_of(client, [BAD, *emails(20)])
    assert type(reason) is AuthenticationError
    assert delivered == {}
    assert now() == began + 1
    assert shared_by(client).limiter.under_way == 0


@in_virtual_time
async def test_a_failure_beyond_retry_in_flight_at_the_end_is_still_delivered():
    transport = ScriptedTransport(only(BAD, After(1, 401), otherwise=After(5, 403)))
    delivered, _, _ = await run_of(client_over(transport, concurrency=3), [BAD, *emails(20)])
    assert outcomes(delivered) == {Outcome.FAILED}
    assert len(delivered) == 2


@in_virtual_time
async def test_a_retry_that_is_due_after_the_end_is_not_started():
    transport = ScriptedTransport(only(BAD, After(1, 401), otherwise=After(5, 500)))
    delivered, _, _ = await run_of(client_over(transport, concurrency=3), [BAD, *emails(20)])
    assert delivered == {}
    assert len(transport.sent) == 3


@in_virtual_time
async def test_a_run_does_not_begin_while_the_server_wants_no_request():
    transport = ScriptedTransport([throttled(100), 200])
    client = client_over(transport)
    await client.lookup(EMAIL)
    began = now()
    delivered, reason, _ = await run_of(client, emails(1000))
    assert type(reason) is RateLimitError
    assert reason.retry_after == 100
    assert delivered == {}  # pending, not failed
    assert len(transport.sent) == 1
    assert now() == began


@in_virtual_time
async def test_two_runs_end_when_the_server_tells_one_of_them_to_stay_away():
    transport = ScriptedTransport(
        lambda email, _n: throttled(100) if email == BAD else After(1, 200)
    )
    client = client_over(transport, concurrency=2)
    other = asyncio.create_task(run_of(client, emails(100)))
    await passes(3.5)
    _, reason, _ = await run_of(client, [BAD])
    assert type(reason) is RateLimitError
    delivered, reason, _ = await other
    assert type(reason) is RateLimitError
    assert outcomes(delivered) == {Outcome.OK}


# Waits of a run


@in_virtual_time
async def test_in_a_run_a_slow_pace_never_fails_a_healthy_email():
    client = client_over(ScriptedTransport(), rate=0.5, deadline=3)
    began = now()
    delivered, reason, _ = await run_of(client, emails(50))
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}
    assert now() == pytest.approx(began + 98)
    assert {lookup.elapsed for lookup in delivered.values()} == {0.0}


@in_virtual_time
async def test_in_a_run_a_long_gate_never_fails_a_healthy_email():
    transport = ScriptedTransport([throttled(50), 200], latency=0.5)
    delivered, reason, stats = await run_of(client_over(transport, deadline=10), emails(3))
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}
    assert stats.throttles == 3
    assert {lookup.attempts for lookup in delivered.values()} == {2}


@in_virtual_time
async def test_in_a_run_the_deadline_stands_still_while_the_pace_holds_a_retry():
    transport = ScriptedTransport([500, 200], latency=0.5)
    client = client_over(transport, rate=0.1, deadline=5)
    delivered, _, _ = await run_of(client, emails(10))
    assert outcomes(delivered) == {Outcome.OK}


@in_virtual_time
async def test_in_a_run_the_deadline_still_bounds_attempts_and_sleeps():
    transport = ScriptedTransport(only(BAD, Reply(503, {"retry-after": "20"}, b"")))
    began = now()
    delivered, _, _ = await run_of(client_over(transport, deadline=10), [BAD, *emails(5)])
    assert type(delivered[BAD].error) is DeadlineError
    assert type(delivered[BAD].error.last_error) is ServerError
    assert now() == began
    transport = ScriptedTransport(only(BAD, HANGS, otherwise=After(1, 200)))
    client = client_over(transport, deadline=10, timeout=30, concurrency=2)
    delivered, _, _ = await run_of(client, [BAD, *emails(50)])
    assert type(delivered[BAD].error) is DeadlineError


@in_virtual_time
async def test_the_stats_add_up():
    transport = ScriptedTransport([500, throttled(), 500, 200], latency=0.2)
    _, _, stats = await run_of(client_over(transport, concurrency=4), emails(6))
    assert stats.outcomes[Outcome.OK] == 6
    assert stats.requests == len(transport.sent) == 24
    assert stats.retries == 12
    assert stats.throttles == 6
    assert stats.latency_p50 == pytest.approx(0.2, rel=0.05)
    assert stats.latency_p99 == pytest.approx(0.2, rel=0.05)


@in_virtual_time
async def test_an_empty_budget_fails_fast():
    failing = emails(1000)[::2]
    transport = ScriptedTransport(lambda email, _n: After(0.01, 500 if email in failing else 200))
    client = client_over(transport, retry=policy(budget=50))
    shared_by(client).budget.capacity = 0  # which an answer does not fill again
    delivered, reason, _ = await run_of(client, emails(1000))
    assert reason is None
    assert {email for email, lookup in delivered.items() if lookup.error} == set(failing)
    assert 1000 + 10 <= len(transport.sent) <= 1000 + 10 + 100  # some were asked before all others


@in_virtual_time
async def test_one_in_ten_503_costs_little_and_fails_nearly_nobody():
    generator = random.Random(7)
    transport = ScriptedTransport(lambda _e, _n: 503 if generator.random() < 0.1 else 200)
    delivered, _, stats = await run_of(client_over(transport), emails(5000))
    assert stats.outcomes[Outcome.OK] >= 0.998 * 5000
    assert stats.requests <= 1.12 * 5000
    assert len(delivered) == 5000


@in_virtual_time
async def test_the_rate_is_used_by_a_run():
    transport = ScriptedTransport(latency=0.3)
    client = client_over(transport, rate=50, concurrency=20)
    began = now()
    await run_of(client, emails(500))
    assert 500 / (now() - began) >= 0.95 * 50
    assert min(b - a for a, b in zip(transport.times, transport.times[1:], strict=False)) > 0.0199


# The outage rule


SILENCES = {
    "refused": refused,
    "refused after a while": After(0.3, refused),
    "hangs": HANGS,
    "522 after 20 s": After(20, 522),
}


@pytest.mark.parametrize("count", [1, 1000])
@pytest.mark.parametrize("concurrency", [1, 20])
@pytest.mark.parametrize("silence", SILENCES)
@in_virtual_time
async def test_a_server_that_never_answers_ends_the_run_with_everything_pending(
    silence, concurrency, count
):
    transport = ScriptedTransport([SILENCES[silence]])
    client = client_over(transport, concurrency=concurrency, retry=policy(jitter=0.4))
    began = now()
    delivered, reason, stats = await run_of(client, emails(count))
    assert type(reason) is ServiceUnavailableError
    assert delivered == {}
    assert set(stats.outcomes.values()) == {0}
    assert len(transport.sent) <= 100
    took = now() - began
    slowest = {"hangs": 30, "522 after 20 s": 20}.get(silence, 0.3)
    assert 60 <= took <= (20 / min(count, concurrency) + 1) * slowest + 60 + 30 + slowest


@pytest.mark.parametrize("concurrency", [1, 20])
@pytest.mark.parametrize("silence", ["refused", "hangs", "522 after 20 s"])
@in_virtual_time
async def test_a_server_that_comes_back_answers_everybody(silence, concurrency):
    def script(email, _n):
        return SILENCES[silence] if 5 < now() - began < 45 else After(0.1, 200)

    began = now()
    transport = ScriptedTransport(script)
    client = client_over(transport, concurrency=concurrency, timeout=10.0)
    delivered, reason, _ = await run_of(client, emails(300 * concurrency))
    assert reason is None
    assert len(delivered) == 300 * concurrency
    assert outcomes(delivered) == {Outcome.OK}


@in_virtual_time
async def test_a_server_that_starts_late_fails_nobody_even_without_attempts_or_budget():
    began = now()
    transport = ScriptedTransport(lambda _email, _n: refused if now() < began + 10 else 200)
    client = client_over(transport, retry=policy(attempts=1, budget=0))
    delivered, reason, _ = await run_of(client, emails(100))
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}


@in_virtual_time
async def test_in_an_outage_one_probe_at_a_time_is_sent_with_growing_waits():
    told = []
    transport = ScriptedTransport([After(0.25, refused)])
    client = client_over(transport, concurrency=20, retry=policy(jitter=1.0), on_event=told.append)
    await run_of(client, emails(1000))
    first, *probes = sorted(set(transport.times))
    assert transport.times.count(first) == 20
    assert all(transport.times.count(at) == 1 for at in probes)
    waits = [b - a - 0.25 for a, b in zip([first, *probes], probes, strict=False)]
    assert waits[:5] == pytest.approx([0.5, 1, 2, 4, 5])
    assert max(waits) <= 5.0 + 1e-9
    assert probes[-1] - first == pytest.approx(60 + 0.25)
    closed = [event for event in told if isinstance(event, GateClosed)]
    assert all(type(event.why) is ConnectError for event in closed)
    opened = [event for event in told if isinstance(event, GateOpened)]
    assert len(opened) == len(closed) == len(probes)
    assert {event.limit for event in opened} == {1}


@pytest.mark.parametrize("answer", [200, 404, 500, 401])
@in_virtual_time
async def test_any_other_reply_to_a_probe_opens_the_gate(answer):
    transport = ScriptedTransport(
        lambda _email, _n: refused if len(transport.sent) <= 25 else After(1, answer)
    )
    client = client_over(transport, concurrency=20)
    _, reason, _ = await run_of(client, emails(30))
    assert not isinstance(reason, ServiceUnavailableError)
    assert not shared_by(client).limiter.closed


@in_virtual_time
async def test_a_reply_to_what_was_in_flight_opens_the_gate_too():
    def script(email, n):
        return After(1.0, 404) if email == BAD else refused if n == 1 else 200

    began = now()
    transport = ScriptedTransport(script)
    client = client_over(
        transport, concurrency=30, retry=policy(jitter=1.0), outage=OutageRule(probe_base=5.0)
    )
    addresses = [BAD, *emails(29)]
    delivered, _, _ = await run_of(client, addresses)
    assert len(delivered) == 30
    assert transport.times[30] == began + 1.0  # not after 5 s


@in_virtual_time
async def test_a_429_ends_an_outage_and_closes_the_gate_for_itself():
    def script(email, n):
        if email == BAD and n == 1:
            return After(1.0, throttled(7))
        return refused if n == 1 and email != BAD else 200

    began = now()
    transport = ScriptedTransport(script)
    client = client_over(
        transport, concurrency=30, retry=policy(jitter=0.0), outage=OutageRule(probe_base=5.0)
    )
    delivered, _, _ = await run_of(client, [BAD, *emails(29)])
    assert outcomes(delivered) == {Outcome.OK}
    assert transport.times[30] == began + 8.0


@pytest.mark.parametrize("concurrency", [1, 20])
@in_virtual_time
async def test_a_poison_email_among_answered_ones_ends_failed(concurrency):
    addresses = emails(100)
    addresses.insert(50, BAD)
    transport = ScriptedTransport(only(BAD, HANGS, otherwise=After(1, 200)))
    client = client_over(transport, concurrency=concurrency)
    delivered, reason, _ = await run_of(client, addresses)
    assert reason is None
    assert type(delivered[BAD].error) is AttemptTimeoutError
    assert transport.asked[BAD] == 3
    assert len(delivered) == 101


@in_virtual_time
async def test_one_email_that_is_always_refused_among_answered_ones_ends_failed():
    transport = ScriptedTransport(only(BAD, refused, otherwise=After(0.1, 200)))
    client = client_over(transport, concurrency=2, retry=policy(jitter=1.0))
    delivered, reason, _ = await run_of(client, [*emails(5), BAD, *emails(500)])
    assert reason is None
    assert type(delivered[BAD].error) is ConnectError
    assert transport.asked[BAD] == 4  # the first one is free: nobody else was refused before


@pytest.mark.parametrize("status", [525, 526, 530])
@in_virtual_time
async def test_an_edge_without_an_origin_for_one_email_is_asked_once(status):
    transport = ScriptedTransport(only(BAD, status))
    delivered, reason, _ = await run_of(client_over(transport), [BAD, *emails(50)])
    assert reason is None
    assert delivered[BAD].status == status
    assert transport.asked[BAD] == 1


@in_virtual_time
async def test_an_edge_without_an_origin_for_everybody_is_an_outage_and_asked_again():
    began = now()
    transport = ScriptedTransport(lambda _email, _n: 526 if now() < began + 20 else 200)
    client = client_over(transport, concurrency=1)
    delivered, reason, _ = await run_of(client, emails(100))
    assert reason is None
    assert [lookup.outcome for lookup in delivered.values()].count(Outcome.FAILED) == 19
    assert len(delivered) == 100


@in_virtual_time
async def test_what_is_never_retried_fails_until_it_is_an_outage_and_is_pending_then():
    transport = ScriptedTransport([530])
    delivered, reason, _ = await run_of(client_over(transport), emails(1000))
    assert type(reason) is ServiceUnavailableError
    assert len(delivered) == 19
    assert outcomes(delivered) == {Outcome.FAILED}


@in_virtual_time
async def test_after_a_passing_lack_of_descriptors_a_run_is_as_wide_as_before():
    began = now()
    widest = 0

    def script(_email, _n):
        nonlocal widest
        if now() < began + 3:
            return no_descriptors if transport.under_way > 7 else After(0.1, 200)
        widest = max(widest, transport.under_way)
        return After(0.1, 200)

    transport = ScriptedTransport(script)
    client = client_over(transport, concurrency=50, retry=policy(attempts=1, budget=0))
    delivered, reason, _ = await run_of(client, emails(5000))
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}
    assert widest == shared_by(client).limiter.concurrency == 50


@in_virtual_time
async def test_a_machine_without_descriptors_is_no_outage_and_fails_nobody(caplog):
    def script(_email, _n):
        return no_descriptors if transport.under_way > 7 else After(0.1, 200)

    transport = ScriptedTransport(script)
    client = client_over(transport, concurrency=20, retry=policy(attempts=1, budget=0))
    delivered, reason, _ = await run_of(client, emails(300))
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}
    assert len(delivered) == 300
    assert 5 <= shared_by(client).limiter.concurrency <= 7
    assert [r.levelname for r in caplog.records] == ["WARNING"]


@in_virtual_time
async def test_a_single_lookup_just_uses_its_attempts():
    transport = ScriptedTransport([refused])
    client = client_over(transport)
    for _ in range(30):
        lookup = await client.lookup(EMAIL)
        assert type(lookup.error) is ConnectError
        assert lookup.attempts == 3
    assert not shared_by(client).limiter.closed


# Throttles in numbers, whatever their number


class Limited:
    """A script of a server that allows so many requests a second, with a burst of ten."""

    def __init__(self, rate, refusal, latency=0.02):
        self.rate, self.refusal, self.latency = rate, refusal, latency
        self.due = 0.0

    def __call__(self, _email, _n):
        due = max(self.due, now())
        if due - now() > 9 / self.rate:
            return After(self.latency, self.refusal)
        self.due = due + 1 / self.rate
        return After(self.latency, 200)


@pytest.mark.parametrize("refusal", [throttled(), throttled(1), Reply(503, {}, b""), 408, 529])
@in_virtual_time
async def test_no_number_of_throttles_fails_a_healthy_email(refusal):
    transport = ScriptedTransport(Limited(10, refusal))
    client = client_over(transport, concurrency=50, deadline=60)
    began = now()
    delivered, reason, stats = await run_of(client, emails(2500))
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}
    assert now() - began < 1.1 * 250
    assert stats.throttles < 0.05 * 2500
    assert stats.requests == 2500 + stats.throttles + stats.retries


@in_virtual_time
async def test_a_lone_throttle_that_tells_no_wait_delays_its_own_lookup_alone():
    asked, events = collections.defaultdict(list), []

    class Noted(Limited):
        def __call__(self, email, n):
            asked[email].append(now())
            return super().__call__(email, n)

    transport = ScriptedTransport(Noted(100, throttled()))
    client = client_over(transport, concurrency=50, on_event=events.append)
    delivered, reason, stats = await run_of(client, emails(10_000))
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}
    alone = [event for event in events if isinstance(event, RetryScheduled)]
    assert alone
    assert len([event for event in events if isinstance(event, GateClosed)]) <= 3
    again = [
        later - sooner for times in asked.values() for sooner, later in itertools.pairwise(times)
    ]
    assert len(again) == stats.throttles >= len(alone) + 40
    assert min(again) > 1.0  # `throttle_base`, for everybody or for one
    assert stats.requests == 10_000 + stats.throttles


@in_virtual_time
async def test_the_learned_pace_is_told_as_an_event_and_in_the_stats():
    events = []
    transport = ScriptedTransport(Limited(100, throttled(1)))
    client = client_over(transport, concurrency=50, on_event=events.append)
    async with client.lookup_many(emails(6000)) as lookups:
        assert lookups.stats.pace is None
        async for _ in lookups:
            pass
        assert lookups.stats.pace == pytest.approx(100, rel=0.06)
    assert lookups.stats.pace == pytest.approx(100, rel=0.06)
    told = [event.rate for event in events if isinstance(event, PaceLearned)]
    assert 3 < len(told) < 60
    assert told[-1] == pytest.approx(100, rel=0.15)
    assert all(abs(b - a) >= 0.0999 * a for a, b in itertools.pairwise(told))
    assert {event.in_flight for event in events if isinstance(event, PaceLearned)} <= {None, 9, 10}


@in_virtual_time
async def test_a_stated_limit_is_used_at_once():
    headers = {"ratelimit-policy": '"d";q=100;w=1', "retry-after": "1"}
    transport = ScriptedTransport(Limited(100, Reply(429, headers, b"")))
    began = now()
    _, reason, stats = await run_of(client_over(transport, concurrency=50), emails(3000))
    assert reason is None
    assert now() - began < 1.05 * 30 + 1
    assert stats.throttles < 60


@in_virtual_time
async def test_a_503_among_good_answers_delays_its_own_lookup_alone():
    events = []
    script = only(BAD, Reply(503, {"retry-after": "5"}, b""), otherwise=After(0.1, 200))
    transport = ScriptedTransport(lambda email, n: 200 if n > 1 else script(email, n))
    client = client_over(transport, concurrency=4, on_event=events.append)
    addresses = [*emails(50), BAD, *emails(100)[50:]]
    began = now()
    delivered, reason, stats = await run_of(client, addresses)
    assert reason is None
    assert outcomes(delivered) == {Outcome.OK}
    assert delivered[BAD].attempts == 2
    assert stats.throttles == 0
    assert not any(isinstance(event, GateClosed) for event in events)
    assert now() - began < 2.6 + 5.5


@pytest.mark.parametrize("seed", range(3))
@in_virtual_time
async def test_one_503_in_ten_starts_nothing(seed):
    draw, events = random.Random(seed).random, []
    transport = ScriptedTransport(lambda _e, _n: After(0.05, 503 if draw() < 0.1 else 200))
    client = client_over(transport, concurrency=50, on_event=events.append)
    _, reason, stats = await run_of(client, emails(5000))
    assert reason is None
    assert stats.throttles == 0
    assert not any(isinstance(event, GateClosed) for event in events)
    assert stats.outcomes[Outcome.OK] >= 0.998 * 5000


@pytest.mark.parametrize(
    ("step", "least", "kind"),
    [
        (throttled(), 120, RateLimitError),
        (throttled(30), 150, RateLimitError),
        (Reply(503, {}, b""), 60, ServiceUnavailableError),
    ],
)
@in_virtual_time
async def test_refusals_without_end_end_the_run_with_the_rest_pending(step, least, kind):
    transport = ScriptedTransport(lambda email, _n: 200 if email == EMAIL else step)
    client = client_over(transport, concurrency=10)
    began = now()
    delivered, reason, _ = await run_of(client, [EMAIL, *emails(1000)])
    assert type(reason) is kind
    assert "refused for" in reason.message
    assert list(delivered) == [EMAIL]
    assert least <= now() - began <= least + 65
    assert len(transport.sent) < 60
    transport.script = (200,)
    delivered, reason, _ = await run_of(client, emails(10))  # the client is as good as new
    assert reason is None
    assert len(delivered) == 10


@in_virtual_time
async def test_who_grants_a_server_longer_waits_bears_its_refusals_for_as_long():
    transport = ScriptedTransport(lambda _email, _n: throttled())
    client = client_over(transport, retry=policy(retry_after_cap=900.0))
    began = now()
    _, reason, _ = await run_of(client, emails(10))
    assert type(reason) is RateLimitError
    assert 900 <= now() - began <= 965


@in_virtual_time
async def test_a_run_begins_its_patience_anew_whenever_somebody_is_answered():
    transport = ScriptedTransport(lambda _e, _n: 200 if (now() - 1000) % 100 > 88 else throttled())
    began = now()
    delivered, reason, _ = await run_of(client_over(transport, concurrency=2), emails(20))
    assert reason is None
    assert len(delivered) == 20
    assert now() - began > 180


@in_virtual_time
async def test_many_503_that_ask_for_too_long_a_wait_end_the_run_with_that_wait():
    transport = ScriptedTransport([Reply(503, {"retry-after": "900"}, b"")])
    delivered, reason, _ = await run_of(client_over(transport, concurrency=5), emails(1000))
    assert type(reason) is ServerError
    assert reason.retry_after == 900
    assert len(transport.sent) <= 15
    assert len(delivered) < 15


@in_virtual_time
async def test_after_a_wait_that_nobody_sat_out_one_request_asks_at_first():
    transport = ScriptedTransport(
        lambda _e, _n: After(0.5, throttled(10**9) if now() < 1000.4 else 200)
    )
    client = client_over(transport, concurrency=20)
    _, reason, _ = await run_of(client, emails(100))
    assert type(reason) is RateLimitError
    assert reason.retry_after == 3600
    lookup = await client.lookup(EMAIL)
    assert lookup.attempts == 0
    await asyncio.sleep(3601)
    asked = len(transport.sent)
    run = asyncio.create_task(run_of(client, emails(30)))
    await passes(0.4)
    assert len(transport.sent) == asked + 1
    delivered, reason, _ = await run
    assert reason is None
    assert len(delivered) == 30
