"""Promise 37: where everybody gets the same non-answer the run ends, and nobody else's does."""

import asyncio
import json

import pytest

from ltx_async import (
    DecodeError,
    LTXError,
    OutageBegan,
    Outcome,
    RateLimitError,
    RedirectError,
    ResponseError,
    ServiceRefusedError,
    ServiceUnavailableError,
)
from ltx_async.retry import OutageRule

from .replies import account_body, error, ok, reply
from .shell import ltx, wire_server
from .wire import CLOSE, Pause

QUICK = OutageRule(patience=0.5, probe_base=0.02, probe_cap=0.1)
PAGE = b"<!DOCTYPE html><title>Just a moment...</title>"
REFUSALS = {
    "a challenge page": (reply(403, PAGE), ResponseError),
    "a captive portal": (reply(200, PAGE), DecodeError),
    "a redirect": (reply(302, b"", ("Location", "https://login.example.com/")), RedirectError),
    "403": (error(403), ResponseError),
    "410": (error(410), ResponseError),
    "400": (error(400), ResponseError),
    "no account": (reply(200, b'["nothing"]'), DecodeError),
    "a page with 404": (reply(404, PAGE), ResponseError),
}
TROUBLE = {"500": [error(500)], "502": [error(502)], "504": [error(504)], "closed": [CLOSE]}


def addresses(count):
    return [f"{number}@example.com" for number in range(count)]


def is_list(asked) -> bool:
    return asked.line.split()[1].endswith("/accounts")


def the_list(*emails):
    return reply(200, json.dumps({email: {"maxJobs": 1} for email in emails}).encode())


async def end_of(run) -> LTXError:
    with pytest.raises(LTXError) as end:
        await run
    return end.value


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("concurrency", [1, 20])
async def test_the_same_non_answer_for_everybody_ends_the_run(serve, connect, kind, concurrency):
    answer, cause = REFUSALS[kind]
    server = await serve(lambda _asked: [answer])
    run = connect(server, concurrency=concurrency).lookup_many(addresses(10_000))
    end = await end_of(run)
    assert type(end) is ServiceRefusedError
    assert type(end.last_error) is cause
    assert end.hint == end.last_error.hint
    assert end.last_error.message in end.message
    assert 20 <= server.requests <= 20 + 20 + 1
    assert sum(map(is_list, server.asked)) == 1
    assert {lookup.outcome for lookup in run.delivered} == {Outcome.FAILED}


@pytest.mark.parametrize("the_list_gets", [[the_list("a@example.com")], [error(404)]])
async def test_where_the_list_is_answered_the_emails_are_at_fault(serve, connect, the_list_gets):
    server = await serve(lambda asked: the_list_gets if is_list(asked) else [error(403)])
    lookups = await connect(server).lookup_many(addresses(300))
    assert {lookup.status for lookup in lookups} == {403}
    assert sum(map(is_list, server.asked)) == 1


async def test_before_an_answer_no_other_kind_of_refusal_has_the_list_asked_again(serve, connect):
    def answer(asked):
        if is_list(asked):
            return [the_list()]
        return [error(403 if int(asked.email.partition("@")[0]) < 100 else 410)]

    server = await serve(answer)
    lookups = await connect(server, concurrency=1).lookup_many(addresses(200))
    assert [lookup.status for lookup in lookups] == [403] * 100 + [410] * 100
    assert sum(map(is_list, server.asked)) == 1


@pytest.mark.parametrize(
    ("between", "then"),
    [
        ([error(410)], 403),
        ([error(404)], 418),
        ([reply(404, b"404 page not found")], 418),
        ([error(410)], 418),
    ],
    ids=["another status", "no account", "an unconfirmed 404", "the same status again"],
)
@pytest.mark.parametrize("list_answers", [True, False])
async def test_a_second_doubt_while_the_list_is_asked_for_is_the_same(
    serve, connect, between, then, list_answers
):
    """Replies that were under way meanwhile would have the list asked for a second time."""

    def answer(asked):
        if is_list(asked):
            return [Pause(0.3), the_list() if list_answers else error(403)]
        number = int(asked.email.partition("@")[0])
        if number < 20:
            return [error(418)]
        return [Pause(0.1), *(between if number < 25 else [error(then)])]

    server = await serve(answer)
    run = connect(server, concurrency=60).lookup_many(addresses(200))
    async with asyncio.timeout(10):
        if list_answers:
            assert len(await run) == 200
        else:
            assert type(await end_of(run)) is ServiceRefusedError
    assert sum(map(is_list, server.asked)) == 1


async def test_after_an_answer_the_list_is_asked_for_anew(serve, connect):
    """The place that answered goes away in mid-run, after doubts that were settled."""

    def answer(asked):
        if is_list(asked):
            return [the_list()] if asked.number < 100 else [error(403)]
        number = int(asked.email.partition("@")[0])
        return ok(asked) if 50 <= number < 100 else [error(403)]

    server = await serve(answer)
    run = connect(server, concurrency=2).lookup_many(addresses(1000))
    assert type(await end_of(run)) is ServiceRefusedError
    assert 120 <= len(run.delivered) <= 122
    assert sum(map(is_list, server.asked)) == 2


@pytest.mark.parametrize(
    ("other", "settles"),
    [
        (lambda asked: ok(asked), False),
        (lambda _asked: [error(404)], False),
        (lambda _asked: [error(596)], False),
        (lambda _asked: [error(410)], False),
    ],
    ids=["an account", "404", "596", "another status"],
)
async def test_non_answers_that_are_not_alike_or_not_in_a_row_settle_nothing(
    serve, connect, other, settles
):
    server = await serve(lambda asked: other(asked) if asked.number % 20 == 19 else [error(403)])
    lookups = await connect(server, concurrency=1).lookup_many(addresses(100))
    assert len(lookups) == 100
    assert any(map(is_list, server.asked)) is settles


async def test_invalid_emails_neither_count_nor_break_a_row(serve, connect):
    server = await serve(lambda _asked: [error(403)])
    refused = ["no address"] * 300
    mixed = [email for pair in zip(addresses(20), refused, strict=False) for email in pair]
    run = connect(server, concurrency=1).lookup_many([*refused, *mixed, *addresses(50)])
    assert type(await end_of(run)) is ServiceRefusedError
    assert server.requests == 21


@pytest.mark.parametrize("kind", TROUBLE)
@pytest.mark.parametrize("concurrency", [1, 20])
async def test_trouble_that_may_pass_is_an_outage_and_leaves_everybody_pending(
    serve, connect, kind, concurrency
):
    server = await serve(lambda _asked: TROUBLE[kind])
    run = connect(server, concurrency=concurrency, outage=QUICK).lookup_many(addresses(2000))
    end = await end_of(run)
    assert type(end) is ServiceUnavailableError
    assert run.delivered == ()
    assert server.requests <= 3 * 39 + 40


@pytest.mark.parametrize("kind", TROUBLE)
@pytest.mark.parametrize("concurrency", [1, 10])
async def test_trouble_that_passes_costs_nobody_an_answer(serve, connect, kind, concurrency):
    outages, after = [], []

    def note(event):
        if isinstance(event, OutageBegan):
            outages.append(event)

    def answer(asked):
        """Be in trouble until an outage is noticed, what was under way is over, and two probes."""
        if outages:
            after.append(asked)
        troubled = asked.number >= 50 and len(after) < concurrency + 2
        return TROUBLE[kind] if troubled else ok(asked)

    server = await serve(answer)
    patient = OutageRule(patience=60, probe_base=0.01, probe_cap=0.02)
    client = connect(server, concurrency=concurrency, outage=patient, on_event=note)
    lookups = await client.lookup_many(addresses(200))
    assert len(outages) == 1
    assert {lookup.outcome for lookup in lookups} == {Outcome.OK}


async def test_trouble_of_a_few_emails_among_answered_ones_fails_them(serve, connect):
    troubled = set(addresses(400)[::5])
    server = await serve(lambda asked: [error(500)] if asked.email in troubled else ok(asked))
    lookups = await connect(server).lookup_many(addresses(400))
    assert {lookup.email for lookup in lookups if lookup.error} == troubled


async def test_ten_503_that_ask_for_too_long_a_wait_end_the_run_with_that_wait(serve, connect):
    server = await serve(lambda _asked: [reply(503, b"{}", ("Retry-After", "3600"))])
    run = connect(server, concurrency=5).lookup_many(addresses(5000))
    end = await end_of(run)
    assert "3600 s" in end.message
    assert end.retry_after == 3600
    assert run.delivered == ()
    assert server.requests <= 15


async def test_another_email_than_the_one_asked_for_is_a_non_answer_too(serve, connect):
    server = await serve(lambda _asked: [reply(200, account_body("other@example.com"))])
    run = connect(server, concurrency=1).lookup_many(addresses(100))
    end = await end_of(run)
    assert type(end) is ServiceRefusedError
    assert end.last_error.another_email


async def test_a_429_in_place_of_the_list_ends_the_run_as_it_does_elsewhere(serve, connect):
    wait = reply(429, b"{}", ("Retry-After", "3600"))
    server = await serve(lambda asked: [wait] if is_list(asked) else [error(403)])
    assert type(await end_of(connect(server).lookup_many(addresses(100)))) is RateLimitError


def test_check_says_why_and_exits_with_4(tmp_path, transport):
    (tmp_path / "emails.txt").write_text("\n".join(addresses(1000)))
    with wire_server(lambda _asked: [reply(403, PAGE)]) as server:
        ended = ltx(
            *("check", tmp_path / "emails.txt", "-o", tmp_path / "out.jsonl", "--quiet"),
            *("--transport", transport),
            base_url=server.base_url,
            cwd=tmp_path,
        )
    assert ended.status == 4
    assert ended.said.count(b"20 emails in a row got no answer") == 1
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) <= 40
