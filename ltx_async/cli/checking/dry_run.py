"""What a run would ask for, without a request."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from ltx_async.cli.checking.counts import Counts
from ltx_async.cli.checking.earlier import Earlier
from ltx_async.cli.terminal.messages import Talk
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.seen import SeenEmails
from ltx_async.models import Lookup, Outcome
from ltx_async.results.earlier import Renewal
from ltx_async.results.reading import read_results
from ltx_async.wording import counted


async def show_what_would_be_asked(
    emails: DistinctEmails, talk: Talk, *, rate: float | None, concurrency: int
) -> int:
    """Print the emails that would be asked for, one per line, and how many of them there are.

    Raises:
        InputError: the input cannot be read on.
    """
    counts = Counts()

    async def keep(lookup: Lookup, _before: int) -> None:
        counts.add(lookup)

    emails.on_refused = keep
    emails.on_earlier = counts.add_earlier
    async for email in emails:
        sys.stdout.write(f"{email}\n")
    sys.stdout.flush()
    counts.input, counts.duplicate = emails.taken, emails.duplicates
    for name, count in counts.by_name().items():
        if count and name != "pending":
            talk.say(f"{name:>14}  {count:>11,}")
    talk.say(f"{'to be asked':>14}  {emails.given:>11,}", "bold")
    talk.say(_duration(emails.given, rate, concurrency))
    return 0


def remember_results(path: Path, seen: SeenEmails[Earlier], renewal: Renewal) -> None:
    """Have the emails passed over that an output to be continued has records of.

    Raises:
        InputError: it is no such output.
    """
    if not path.exists():
        return
    for record in read_results(path):
        if not renewal.concerns(record):
            refused = record.outcome is Outcome.INVALID
            seen.remember(record.email, Earlier(record.outcome), refused=refused)


def _duration(requests: int, rate: float | None, concurrency: int) -> str:
    if rate is None:
        return f"as fast as {counted(concurrency, 'request')} at a time are answered"
    seconds = timedelta(seconds=round(requests / rate))
    return f"about {seconds} at {rate:g} requests per second"
