"""Accounts for people: a table on a terminal, or blocks of lines where it is narrow."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from ltx_async.models import Account, Lookup, Outcome, trouble_of
from ltx_async.wording import clipped, inert

if TYPE_CHECKING:
    from rich.console import Console

_ROOM_FOR_FIGURES: Final = 72
_ROOM_FOR_TROUBLES: Final = 110
_STYLES: Final = {Outcome.OK: "green", Outcome.FAILED: "red"}
_LONGEST_TROUBLE: Final = 200


@define
class AccountTable:
    """A `Writer` that shows the lookups as a table when it is closed."""

    _lookups: list[Lookup] = field(factory=list, init=False)

    async def write(self, lookup: Lookup) -> None:
        """Keep one lookup for the table."""
        self._lookups.append(lookup)

    async def close(self) -> None:
        """Print the table on standard output."""
        from rich.console import Console as RichConsole  # noqa: PLC0415 - only where it is needed

        show_accounts(self._lookups, RichConsole(highlight=False, markup=False, emoji=False))


@frozen
class AccountLines:
    """An encoding for the eye: an aligned line for each lookup, as it comes.

    Attributes:
        width: how wide the terminal is.
    """

    width: int

    @property
    def header(self) -> bytes:
        """The names of the columns."""
        return self._encoded("outcome", "balance", "sign-in until", "email", "")

    def encode(self, lookup: Lookup) -> bytes:
        """Return the line of one lookup."""
        balance, _, until = _figures(lookup.account)
        email = inert(lookup.email)
        return self._encoded(lookup.outcome.value, balance, until, email, _trouble(lookup))

    def _encoded(self, outcome: str, balance: str, until: str, email: str, trouble: str) -> bytes:
        figures = f"{balance:>10}  {until:<13}  " if self.width >= _ROOM_FOR_FIGURES else ""
        line = f"{outcome:<12}  {figures}{email}  {trouble}".rstrip()
        errors = sys.stdout.errors or "backslashreplace"
        return f"{clipped(line, self.width)}\n".encode(sys.stdout.encoding, errors)


def show_accounts(lookups: list[Lookup], console: Console) -> None:
    """Print lookups for people, as wide as the console is."""
    if not lookups:
        return
    troubles = any(trouble_of(lookup) for lookup in lookups)
    if console.width < (_ROOM_FOR_TROUBLES if troubles else _ROOM_FOR_FIGURES):
        _show_blocks(lookups, console)
    else:
        _show_table(lookups, console, troubles=troubles)


def _show_table(lookups: list[Lookup], console: Console, *, troubles: bool) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("email", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    table.add_column("balance", justify="right", no_wrap=True)
    table.add_column("jobs", justify="right", no_wrap=True)
    table.add_column("sign-in until", no_wrap=True)
    if troubles:
        table.add_column("trouble", overflow="fold")
    for lookup in lookups:
        cells = [inert(lookup.email), lookup.outcome.value, *_figures(lookup.account)]
        if troubles:
            cells.append(_trouble(lookup))
        style = _STYLES.get(lookup.outcome, "yellow")
        table.add_row(*(Text(cell, style if n == 1 else "") for n, cell in enumerate(cells)))
    console.print(table)


def _show_blocks(lookups: list[Lookup], console: Console) -> None:
    from rich.text import Text  # noqa: PLC0415

    for lookup in lookups:
        console.print(Text(inert(lookup.email), "bold"))
        balance, jobs, until = _figures(lookup.account)
        parts = [lookup.outcome.value]
        parts += [f"balance {balance}"] * bool(balance) + [f"{jobs} jobs"] * bool(jobs)
        parts += [f"sign-in until {until}"] * bool(until)
        for text in filter(None, [", ".join(parts), _trouble(lookup)]):
            console.print(Text(f"  {text}", _STYLES.get(lookup.outcome, "yellow")))


def _figures(account: Account | None) -> tuple[str, str, str]:
    if account is None:
        return "", "", ""
    balance = "" if account.token_balance is None else f"{account.token_balance:,}"
    jobs = "" if account.max_jobs is None else str(account.max_jobs)
    until = account.refresh_token_expires_at or account.token_expires_at
    return balance, jobs, _day(until)


def _day(moment: datetime | None) -> str:
    return "" if moment is None else moment.date().isoformat()


def _trouble(lookup: Lookup) -> str:
    return inert((trouble_of(lookup) or "")[:_LONGEST_TROUBLE])
