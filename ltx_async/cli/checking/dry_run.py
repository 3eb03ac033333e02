"""What a run would ask for, without a request."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.earlier import Earlier
from ltx_async.cli.checking.inputs import emails_of
from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.runtime import Interrupt, or_interrupt
from ltx_async.cli.settings import ClientOptions
from ltx_async.cli.terminal.messages import Talk
from ltx_async.files.private import verify_replaceable
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.seen import SeenEmails
from ltx_async.models import Lookup, Outcome
from ltx_async.results.earlier import Renewal
from ltx_async.results.formats import Existing
from ltx_async.results.reading import read_results
from ltx_async.wording import counted


async def dry_run(
    options: CheckOptions, client_options: ClientOptions, *, talk: Talk, interrupt: Interrupt
) -> int:
    """Print what would be asked for, one email per line, and how many they are.

    It needs a token only where the list call is to be asked.

    Raises:
        LTXError: an input, the output or the list cannot be read.
    """
    status = await or_interrupt(interrupt, _show(options, client_options, talk))
    return interrupt.exit_status if status is None else status


async def _show(options: CheckOptions, client_options: ClientOptions, talk: Talk) -> int:
    if options.from_api:
        async with await client_options.client(talk) as client:
            emails = await emails_of(options, client, talk)
    else:
        emails = await emails_of(options, None, talk)
    try:
        if options.existing is Existing.RESUME:
            _remember_results(Path(options.output), emails.seen, options.renewal)
        counts = await _printed(emails)
    finally:
        emails.close()
    for name, count in counts.by_name().items():
        if count and name != "pending":
            talk.say(f"{name:>14}  {count:>11,}")
    talk.say(f"{'to be asked':>14}  {emails.given:>11,}", "bold")
    talk.say(_duration(emails.given, client_options.rate, client_options.concurrency))
    for path in (options.summary_json, options.metrics_file):
        if path is not None:
            talk.say(f"nothing is saved in {path}, as nothing was asked")
    return 0


def _remember_results(path: Path, seen: SeenEmails[Earlier], renewal: Renewal) -> None:
    """Note the emails of which the output to be continued has records, to skip them.

    Raises:
        OutputRefusedError: it could not be continued.
        InputError: it cannot be read.
    """
    verify_replaceable(path)
    if not path.exists():
        return
    earlier = {outcome: Earlier(outcome) for outcome in Outcome}
    for record in read_results(path, accounts=False):
        if not renewal.concerns(record):
            refused = record.outcome is Outcome.INVALID
            seen.remember(record.email, earlier[record.outcome], refused=refused)


async def _printed(emails: DistinctEmails) -> Counts:
    counts = Counts()

    async def keep(lookup: Lookup, _before: int) -> None:
        counts.add(lookup)

    emails.on_refused = keep
    emails.on_earlier = counts.add_earlier
    async for email in emails:
        sys.stdout.write(f"{email}\n")
    sys.stdout.flush()
    counts.input, counts.duplicate = emails.taken, emails.duplicates
    return counts


def _duration(requests: int, rate: float | None, concurrency: int) -> str:
    if rate is None:
        return f"as fast as {counted(concurrency, 'request')} at a time are answered"
    seconds = timedelta(seconds=round(requests / rate))
    return f"about {seconds} at {rate:g} requests per second"
