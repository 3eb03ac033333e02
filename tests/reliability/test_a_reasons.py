"""Promise 36: whatever failed, the reasons are told, grouped, with what to do."""

import json
import sqlite3
from contextlib import closing

import pytest

from ltx_async import Outcome, Reason, RetryPolicy
from ltx_async.report import collect, summarise
from ltx_async.results.reading import read_results

from .replies import head, ok, reply
from .shell import ltx, wire_server
from .wire import CLOSE

PAGE = b"<!DOCTYPE html><title>Just a moment...</title>"
WALL = "HTTP 403: an HTML page (a challenge or a proxy's page, no answer of the API)"
EMAILS = [f"user{number}@example.com" for number in range(400)]
ONCE = RetryPolicy(attempts=1, base=0.001, budget=0)


def number_of(asked):
    return EMAILS.index(asked.email)


def mostly_walled(asked):
    """Answer every fourth email, so that no rule ends the run."""
    return [reply(403, PAGE)] if number_of(asked) % 4 else ok(asked)


async def test_a_challenge_page_is_one_reason_for_three_hundred_emails(serve, connect):
    server = await serve(mostly_walled)
    run = connect(server).lookup_many(EMAILS)
    await run
    assert run.stats.reasons == {Reason("ResponseError", 403, WALL): 300}
    (reason,) = run.stats.reasons
    assert "captive portal" in reason.hint


SAYINGS = {
    "an email": (
        lambda asked: [reply(400, f'{{"error": "no {asked.email} here"}}'.encode())],
        Reason("ResponseError", 400, "HTTP 400: no … here"),
    ),
    "a number": (
        lambda asked: [reply(500, f'{{"error": "request {number_of(asked)}"}}'.encode())],
        Reason("ServerError", 500, "HTTP 500: request …"),
    ),
    "an id": (
        lambda asked: [reply(502, b"ray %x-FRA failed" % (number_of(asked) + 2**40))],
        Reason("ServerError", 502, "HTTP 502: ray … failed"),
    ),
    "a redirect": (
        lambda _: [reply(302, b"", ("Location", "https://login.example.com/?n=1"))],
        Reason("RedirectError", 302, "HTTP 302: redirects to login.example.com"),
    ),
    "no account": (
        lambda _: [reply(200, b"[]")],
        Reason("DecodeError", 200, "HTTP 200 but no account: expected an object, got an array"),
    ),
}


@pytest.mark.parametrize("said", SAYINGS)
async def test_what_differs_from_lookup_to_lookup_makes_no_further_reason(serve, connect, said):
    answer, reason = SAYINGS[said]
    server = await serve(lambda asked: answer(asked) if number_of(asked) % 4 else ok(asked))
    run = connect(server, retry=ONCE).lookup_many(EMAILS[:40])
    lookups = await run
    assert run.stats.reasons == {reason: 30}
    assert sum(run.stats.reasons.values()) == run.stats.outcomes[Outcome.FAILED]
    assert {lookup.reason is None for lookup in lookups[::4]} == {True}


async def test_the_most_frequent_reason_comes_first(serve, connect):
    def answer(asked):
        kind = number_of(asked) % 4
        if kind == 3:
            return [head(200, ("Content-Length", "9")), b"{", CLOSE]
        return [reply(403, PAGE)] if kind else ok(asked)

    server = await serve(answer)
    run = connect(server, retry=ONCE).lookup_many(EMAILS[:80])
    await run
    told = [(one.error_type, one.status, count) for one, count in run.stats.reasons.items()]
    assert told == [("ResponseError", 403, 40), ("ProtocolError", None, 20)]


def check(tmp_path, server, *options, emails=EMAILS[:40], status=1):
    (tmp_path / "emails.txt").write_text("\n".join(emails))
    ended = ltx(
        *("check", "emails.txt", "--attempts", "1", *options),
        base_url=server.base_url,
        cwd=tmp_path,
    )
    assert ended.status == status, ended.err
    return ended.err.decode()


@pytest.mark.parametrize("options", [(), ("--quiet",)])
def test_the_shell_is_told_why_and_what_to_do(tmp_path, options):
    with wire_server(mostly_walled) as server:
        said = check(tmp_path, server, "-o", "out.jsonl", "--summary-json", "s.json", *options)
    assert f"failed: 30 × {WALL}. Something in front of the API" in said
    summary = json.loads((tmp_path / "s.json").read_text())
    (reason,) = summary["reasons"]
    assert (reason["count"], reason["type"], reason["status"]) == (30, "ResponseError", 403)
    assert reason["message"] == WALL
    assert "captive portal" in reason["hint"]


def test_where_nothing_failed_no_reason_is_told(tmp_path):
    missing = reply(404, b'{"error": "no such account"}')
    with wire_server(lambda asked: [missing] if number_of(asked) % 4 == 1 else ok(asked)) as server:
        said = check(tmp_path, server, "-o", "out.jsonl", "--summary-json", "s.json")
    assert "×" not in said
    assert json.loads((tmp_path / "s.json").read_text())["reasons"] == []


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "sqlite"])
def test_a_resumed_run_tells_the_reasons_of_the_earlier_one_too(tmp_path, suffix):
    out = f"out.{suffix}"
    with wire_server(mostly_walled) as server:
        check(tmp_path, server, "-o", out, emails=EMAILS[:20])
        said = check(tmp_path, server, "-o", out, "--resume", "--summary-json", "s.json")
    assert f"failed: 30 × {WALL}. " in said
    (reason,) = json.loads((tmp_path / "s.json").read_text())["reasons"]
    assert reason["count"] == 30
    assert reason["hint"]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "sqlite"])
def test_a_report_tells_them_in_every_form(tmp_path, suffix):
    out = f"out.{suffix}"
    with wire_server(mostly_walled) as server:
        check(tmp_path, server, "-o", out)
    terminal = ltx("report", out, cwd=tmp_path, COLUMNS="300").out.decode()
    words = " ".join(terminal.split())
    assert f"Why lookups failed 30 × {WALL}. " in words
    figures = json.loads(ltx("report", out, "--json", cwd=tmp_path).out)
    assert [(one["count"], one["message"]) for one in figures["reasons"]] == [(30, WALL)]
    assert figures["reasons"][0]["hint"]
    assert ltx("report", out, "-o", "report.html", cwd=tmp_path).status == 0
    page = (tmp_path / "report.html").read_text()
    assert f"<li>30 × {WALL.replace(chr(39), '&#x27;')}. " in page


def test_a_database_of_an_earlier_version_without_words_has_reasons_too(tmp_path):
    with wire_server(mostly_walled) as server:
        check(tmp_path, server, "-o", "out.sqlite")
    with closing(sqlite3.connect(tmp_path / "out.sqlite")) as database, database:
        database.execute("UPDATE lookups SET error_type = NULL, error = NULL")
    summary = summarise(collect(read_results(tmp_path / "out.sqlite")))
    assert sum(summary.reasons.values()) == 30
