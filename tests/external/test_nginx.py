"""nginx in front: TLS, a limit of its own, paths that it normalises, a reload in mid-run."""

import asyncio
import ssl

from ltx_async import Outcome, RateLimitError, RetryPolicy

EMAILS = [f"{number}@example.com" for number in range(300)]


async def test_its_tls_is_spoken_and_verified(front, transport):
    await front.start()
    async with front.client(transport) as client:
        assert (await client.fetch_account("ann@example.com")).email == "ann@example.com"
    async with front.client(transport, ssl=ssl.create_default_context()) as stranger:
        error = (await stranger.lookup("ann@example.com")).error
    assert type(error).__name__ == "CertificateError"
    assert front.emulator.request_count == 1


async def test_its_429s_are_waited_out(front, transport):
    """It sends no Retry-After; every email is answered all the same."""
    await front.start(limit="limit_req zone=all burst=3 nodelay;")
    async with front.client(transport, concurrency=30, retry=RetryPolicy(throttle_base=0.02)) as c:
        lookups = await c.lookup_many(EMAILS[:60])
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}
    assert '" 429 ' in front.log
    once = RetryPolicy(throttles=0)
    async with front.client(transport, concurrency=30, retry=once, rate=None) as client:
        lookups = await asyncio.gather(*map(client.lookup, EMAILS[:60]))
    assert RateLimitError in {type(lookup.error) for lookup in lookups}


TRAVERSALS = [
    "..%2f..%2fb@example.com",
    "%2e%2e/%2e%2e/b@example.com",
    "a/b@example.com",
    "//a@example.com",
    "a//b@example.com",
    "a/...//b@example.com",
    "..;/a@example.com",
    "..a/b@example.com",
    "a@b/c..",
    "....//....//a@b",
    "a?b#c@example.com",
    "\\a\\b@example.com",
    "%252e%252e%252fa@example.com",
    "%c0%ae%c0%ae/a@example.com",
    "\uff0e\uff0e/a@example.com",
    "\u2025/a@example.com",
    "http://example.org/a@example.com",
    "b@/a@c",
    "/a@b",
    "a@b/",
    "%00a@b",
    "~/a@b",
]
REFUSED = ["../a@b", "a/../b@c", "a@b/..", "./a@b", "a\\..\\b@c", "a/..\\b@c", "..\\a@b", "a@b/."]


async def test_no_target_leaves_the_accounts(front, transport):
    await front.start()
    async with front.client(transport) as client:
        lookups = await client.lookup_many([*TRAVERSALS, *REFUSED])
    outcomes = {lookup.email: lookup.outcome for lookup in lookups}
    assert {outcomes[email] for email in TRAVERSALS} == {Outcome.OK}
    assert {outcomes[email] for email in REFUSED} == {Outcome.INVALID}
    arrived = sorted(str(request.email) for request in front.emulator.requests)
    assert arrived == sorted(TRAVERSALS)
    assert '" 410 ' not in front.log
    assert front.log.count("\n") == len(TRAVERSALS)


async def test_a_reload_in_mid_run_loses_no_email(front, transport):
    await front.start(keepalive_requests=20)
    front.emulator.latency = 0.01
    answered = []
    async with (
        front.client(transport, concurrency=10) as client,
        client.lookup_many(EMAILS) as lookups,
    ):
        async for lookup in lookups:
            answered.append(lookup)
            if len(answered) in {50, 120, 200}:
                front.reload()
    assert sorted(lookup.email for lookup in answered) == sorted(EMAILS)
    assert {lookup.outcome for lookup in answered} == {Outcome.OK}
    assert lookups.stats.requests <= len(EMAILS) + 60
