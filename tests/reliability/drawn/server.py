"""The faults of a server: replies that do not come, come late, or are about somebody else."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest
from patience import reached, slowness

from ltx_async import (
    AttemptTimeoutError,
    Lookup,
    LTXClient,
    Outcome,
    RateLimitError,
    ServerError,
)
from ltx_async.emulator import Delay, Status
from ltx_async.retry import OutageRule
from reliability.replies import reply
from reliability.wire import Answer, Asked, Pause, Script, WireServer

from .scene import ACCOUNTS, EMAILS, Scene, drawn, outcome_of

RULE = OutageRule(patience=30.0, probe_base=0.005, probe_cap=0.02)


def assert_answered(lookups: list[Lookup], emails: list[str], odd: set[str] = frozenset()) -> None:
    """Each is the account that was asked for, but for those that can only fail."""
    assert sorted(lookup.email for lookup in lookups) == sorted(emails)
    for lookup in lookups:
        if lookup.email in odd:
            assert lookup.outcome is Outcome.FAILED, lookup
            assert isinstance(lookup.error, AttemptTimeoutError | ServerError)
        else:
            assert lookup.outcome is outcome_of(lookup.email), lookup
            assert lookup.account.email == lookup.email


def silence(scene: Scene, odd: list[str], *, silent: bool) -> dict[str, object]:
    """Have no reply or a 522 come for some; return what a client needs for that.

    Whoever is answered is so within the timeout, on a machine that is busy too.
    """
    for email in odd:
        scene.emulator.script(email, Delay(60.0) if silent else 522, forever=True)
    return {"outage": RULE, "timeout": 0.2 * slowness() if silent else 30.0}


@drawn
async def odd_emails_stop_nobody(scene: Scene) -> None:
    """Some of the emails get no reply or 522, wherever they stand."""
    emails = scene.emails(20, 60)
    silent = scene.draw.random() < 0.2
    odd = scene.draw.sample(emails, scene.draw.randint(1, 8 if silent else len(emails) // 3))
    async with scene.client(**silence(scene, odd, silent=silent)) as client:
        lookups = await client.lookup_many(emails, ordered=True)
    assert [lookup.email for lookup in lookups] == emails
    assert_answered(lookups, emails, {*odd})


@drawn
async def a_run_of_odd_emails_starves_no_other_on_its_client(scene: Scene) -> None:
    """One run has odd emails alone, in any number, the other healthy ones alone."""
    emails, silent = scene.emails(60, 160), scene.draw.random() < 0.2
    odd = emails[: scene.draw.randint(1, 12 if silent else 50)]
    healthy = emails[len(odd) :]
    options = silence(scene, odd, silent=silent)
    async with scene.client(**options) as client:
        runs = [client.lookup_all(odd), client.lookup_all(healthy)]
        if scene.draw.random() < 0.5:
            runs.reverse()
        both = await asyncio.gather(*runs)
    assert_answered([*both[0], *both[1]], emails, {*odd})


JUNK = ["-1", "nan", "inf", "1e999", "soon", "9" * 30, "1, 2", "", "0x10"]


@drawn
async def nobody_is_silenced_by_what_a_throttle_says(scene: Scene) -> None:
    """Some replies ask to wait for nothing that can be understood."""
    emails = scene.emails(5, 30)
    for email in scene.draw.sample(emails, scene.draw.randint(1, 3)):
        junk = scene.draw.choice(JUNK)
        scene.emulator.script(email, Status(429, headers={"Retry-After": junk}))
    async with scene.client() as client:
        lookups = await client.lookup_many(emails)
    assert_answered(lookups, emails)


ABSURD = [
    Status(429, headers={"Retry-After": "1790000000"}),
    Status(429, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
    Status(429, headers={"Retry-After": "86401"}),
    Status(429, {"error": "slow down", "retry_after": 1e308}),
]


@drawn
async def an_absurd_wait_ends_a_run_and_counts_as_an_hour(scene: Scene) -> None:
    """The rest is pending, and what was answered before is right."""
    emails = scene.emails(5, 30)
    scene.emulator.script(scene.draw.choice(emails), scene.draw.choice(ABSURD))
    async with scene.client() as client:
        run = client.lookup_many(emails)
        with pytest.raises(RateLimitError) as raised:
            await run
    assert raised.value.retry_after == 3600.0
    answered = [lookup.email for lookup in run.delivered]
    assert_answered([*run.delivered], answered)
    assert sorted([*answered, *run.pending()]) == sorted(
        emails[: len(answered) + len(run.pending())]
    )
    async with scene.client() as client:
        assert_answered(await client.lookup_many(emails), emails)


def strays(draw: Random, kind: str, share: float, sent: list[str]) -> Answer:
    """Send a reply too many behind some of the replies; `sent` is told of each."""

    def answer(asked: Asked) -> Script:
        if asked.email not in ACCOUNTS:  # the list
            return [reply(200, b"{}")]
        mine = reply(200, json.dumps(ACCOUNTS[asked.email]).encode())
        if draw.random() >= share:
            return [mine]
        sent.append(asked.email)
        other = draw.choice([email for email in EMAILS[:9] if email != asked.email])
        account = reply(200, json.dumps(ACCOUNTS[other]).encode())
        if kind in {"at once", "between"}:
            stray = draw.choice([account, reply(404)])
            return [mine + stray] if kind == "at once" else [mine, Pause(0.001), stray]
        stray = account if kind == "late account" else reply(404)
        return [mine, Pause(draw.uniform(0.0, 0.005)), stray]

    return answer


@drawn
async def a_stray_reply_costs_its_connection_and_nobody_an_answer(scene: Scene) -> None:
    """It comes with the reply before, or until 5 ms later, when the next request may be out.

    A late 404 names nobody, so HTTP/1.1 cannot tell whose it is: each one misleads one lookup
    at most.
    """
    emails = scene.emails(20, 80)
    kind = scene.draw.choice(["at once", "between", "late account", "late 404"])
    sent: list[str] = []
    answer = strays(scene.draw, kind, scene.draw.choice([0.1, 0.5, 1.0]), sent)
    async with WireServer(answer) as server, scene.client(server.base_url) as client:
        if kind == "between":
            lookups = [await _looked_up(client, server, email) for email in emails[:20]]
        else:
            lookups = await client.lookup_many(emails)
    misled = [lookup for lookup in lookups if lookup.outcome is Outcome.NOT_FOUND]
    assert len(misled) <= (len(sent) if kind == "late 404" else 0)
    others = [lookup for lookup in lookups if lookup not in misled]
    assert_answered(others, [lookup.email for lookup in others])
    assert [lookup.email for lookup in lookups] == emails[: len(lookups)]


async def _looked_up(client: LTXClient, server: WireServer, email: str) -> Lookup:
    """Look an email up, and wait until what comes too late is there."""
    lookup = await client.lookup(email)
    await reached(lambda: len(server.sent_at) == server.requests)
    return lookup
