"""The options that say which accounts need somebody, and how their values are written."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import click
from attrs import frozen

from ltx_async.alerts import Sighting, Thresholds
from ltx_async.cli.options import F, with_options
from ltx_async.cli.values import chosen, number, time_span
from ltx_async.models import Lookup, Outcome
from ltx_async.wording import spoken

ATTENTION: Final = "attention"
"""The value of `--only`, beside the outcomes, that means all accounts that need somebody."""


def limits(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[timedelta, ...]:
    """Read time spans that are joined by commas, such as `7d,1d`."""
    if text is None:
        return ()
    return tuple(time_span(one, unit=None) for one in text.split(","))  # a bare 7 may mean days


_OPTIONS: Final = (
    click.option(
        "--min-balance",
        callback=number(),
        metavar="N",
        help="Tell of accounts below this balance.",
    ),
    click.option(
        "--expires-within",
        callback=limits,
        metavar="7d",
        help="Tell of sign-ins that end by then.",
    ),
)


def threshold_options(command: F) -> F:
    """Add `--min-balance` and `--expires-within` to a command."""
    return with_options(command, _OPTIONS)


def _no_balance(_context: click.Context, _option: click.Parameter, text: str | None) -> None:
    if text is not None:
        raise click.UsageError(
            "The list of accounts has no balance: use ltx-async check --from-api --min-balance N."
        )


def expiry_option(command: F) -> F:
    """Add `--expires-within` to a command for which the balance is not known."""
    refused = click.option(
        "--min-balance", callback=_no_balance, expose_value=False, hidden=True, metavar="N"
    )
    return refused(_OPTIONS[1](command))


def as_options(thresholds: Thresholds) -> str:
    """Return thresholds as they are typed, each option after a space; empty for none."""
    typed = ""
    if thresholds.min_balance is not None:
        typed += f" --min-balance {thresholds.min_balance:g}"
    if thresholds.expires_within:
        spans = ",".join(spoken(span.total_seconds()) for span in thresholds.expires_within)
        typed += f" --expires-within {spans}"
    return typed


@frozen
class Only:
    """Which lookups are written.

    Attributes:
        outcomes: those with one of these outcomes,
        attention: and those that need somebody.
    """

    outcomes: frozenset[Outcome]
    attention: bool = False

    def admits(self, lookup: Lookup, thresholds: Thresholds) -> bool:
        """Whether a lookup is written."""
        if lookup.outcome in self.outcomes:
            return True
        return self.attention and thresholds.attention(Sighting.of(lookup)) is not None


def only(_context: click.Context, _option: click.Parameter, text: str | None) -> Only | None:
    """Read outcomes, and `attention`, that are joined by commas."""
    if text is None:
        return None
    names = chosen(text, *Outcome, ATTENTION)
    return Only(frozenset(map(Outcome, names - {ATTENTION})), ATTENTION in names)
