"""`ltx-async demo`: the emulator and a check of it, end to end over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from ltx_async import LTXClient
from ltx_async.alerts import Thresholds
from ltx_async.cli.checking.activity import OBSERVED, Observer
from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.run import CheckRun
from ltx_async.cli.checking.summary import Summary
from ltx_async.cli.exits import ExitStatus, explanation
from ltx_async.cli.runtime import Interrupt, in_event_loop
from ltx_async.cli.terminal.messages import Talk
from ltx_async.emulator import Emulator, GeneratedAccounts
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.text.writer import FileWriter

RESULTS: Final = Path("demo-results.jsonl")
_ACCOUNTS: Final = 360
_UNHEALTHY: Final = 6
_LATENCY: Final = 0.12
_MISSING: Final = 30
_SIGNED_OUT: Final = 6
_SHAKY: Final = 12
_SHAPELESS: Final = ("not-an-email", "two words", "../accounts@example.com/..")
_THRESHOLDS: Final = Thresholds(min_balance=10, expires_within=timedelta(days=7))


@in_event_loop
async def demo(talk: Talk, interrupt: Interrupt) -> int:
    """Run `ltx-async demo`."""
    writer = FileWriter.replacing(RESULTS.absolute(), JSON_LINES)
    accounts = GeneratedAccounts(_ACCOUNTS, unhealthy=_UNHEALTHY)
    async with Emulator(accounts, latency=_LATENCY) as emulator:
        _misbehave(emulator, list(accounts))
        talk.say(f"a local server stands in for the API: {emulator.base_url}")
        observer = Observer(talk)
        work = CheckRun(
            DistinctEmails.of(_emails(accounts)),
            writer,
            talk,
            counts=Counts(_THRESHOLDS),
            observer=observer,
            results=writer,
        )
        client = LTXClient(
            emulator.token, base_url=emulator.base_url, on_event=observer, events=OBSERVED
        )
        async with client:
            summary = await work.finish(client, interrupt)
    return _report(summary, talk, interrupt)


def _misbehave(emulator: Emulator, emails: list[str]) -> None:
    """Let some sessions be dead, and some answers fail before they succeed."""
    for email in emails[:_SIGNED_OUT]:
        emulator.script(email, 596)
    for email in emails[_SIGNED_OUT : _SIGNED_OUT + _SHAKY]:
        emulator.script(email, 503)


def _emails(accounts: GeneratedAccounts) -> Iterator[str]:
    """Return emails of every kind: known, unknown, twice in the list, and no emails at all."""
    yield from accounts
    for number in range(_MISSING):
        yield f"nobody{number}@example.com"
    yield "user000001@EXAMPLE.com"
    yield from _SHAPELESS


def _report(summary: Summary, talk: Talk, interrupt: Interrupt) -> int:
    """Show the summary; the demo worked when every email has its result."""
    summary.show(talk)
    if interrupt.signal is not None:
        return interrupt.exit_status
    if summary.error is not None:
        talk.fail(explanation(summary.error))
        return summary.exit_status
    worked = not summary.counts.pending and not summary.counts.by_name()["failed"]
    if worked:
        talk.say("That was every kind of result; next: ltx-async check --help")
    return ExitStatus.OK if worked else ExitStatus.ATTENTION
