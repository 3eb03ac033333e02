"""Where the emails of a run come from, and the one task that asks an asynchronous source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from enum import Enum, auto
from typing import Final, Literal

from attrs import define, field


class Sign(Enum):
    """What a source gives in place of an email; no entry of a list can be this."""

    END = auto()
    LATER = auto()


END: Final = Sign.END
"""There are no more emails."""

LATER: Final = Sign.LATER
"""Only a wait can tell whether there is another email."""

_ROWS: Final = "[row[0] for row in rows.fetchall()]"


def check_source(source: object) -> None:
    """Refuse a source that is not a collection of emails.

    Raises:
        TypeError: it is something else; the message says what to pass.
    """
    if isinstance(source, str | bytes):
        raise TypeError("lookup_many takes emails, not one email: pass a list, or use lookup")
    if any(hasattr(type(source), name) for name in ("columns", "column_names")):
        # Iterating over a data frame of pandas gives the names of its columns. Only the class is
        # asked: on a lazy frame, reading an attribute may run its whole query.
        raise TypeError(
            f"lookup_many takes emails, not a whole {type(source).__name__}: "
            f"pass the column that holds them, {_emails_in(source)}"
        )
    if not isinstance(source, Iterable | AsyncIterable) and not hasattr(source, "__getitem__"):
        raise TypeError(
            "lookup_many takes an iterable or async iterable of emails, not "
            f"{'None' if source is None else type(source).__name__}: pass "
            f"{_ROWS if hasattr(type(source), 'fetchall') else 'a list'}"
        )


def _emails_in(table: object) -> str:
    """Return the code that takes a column of text out of a table, or out of such a column."""
    if hasattr(type(table), "compute"):  # Dask
        column = "column" if hasattr(type(table), "to_frame") else 'df["email"]'
        return f"{column}.compute()"
    if hasattr(type(table), "collect"):  # Polars, lazily
        return 'df.collect()["email"]'
    if hasattr(type(table), "fetchall"):  # DuckDB
        return _ROWS
    return 'table["email"].to_pylist()' if hasattr(table, "column_names") else 'df["email"]'


@define(eq=False, repr=False)
class Feed:
    """Asks an asynchronous source from its first step to its last, in one task.

    What a generator has open between two steps belongs to the task that opened it:
    `asyncio.timeout`, a `TaskGroup`, a scope of anyio, a variable of the context.

    Handing an email from task to task costs more than asking for it. So a source may have a
    plain method `at_hand`, as the emails of a file do: it returns the next email if that takes
    no wait, else None. It is called between two steps, and never within one.

    Attributes:
        keep: called with an email that came when nobody asks for one any more.
        at_hand: that method; None where there is none.
    """

    _source: AsyncIterable[str]
    keep: Callable[[str], object]
    at_hand: Callable[[], str | None] | None = field(init=False)
    _task: asyncio.Task[None] = field(init=False)
    _wanted: asyncio.Event = field(init=False, factory=asyncio.Event)
    _arrived: asyncio.Event = field(init=False, factory=asyncio.Event)
    _held: str | Literal[Sign.END] | None = field(init=False, default=None)
    _over: bool = field(init=False, default=False)
    _error: BaseException | None = field(init=False, default=None)
    _told: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.at_hand = getattr(self._source, "at_hand", None)
        self._task = asyncio.get_running_loop().create_task(self._feed(aiter(self._source)))

    async def next(self) -> str | Literal[Sign.END]:
        """Return the next email; to be called by one task at a time.

        Raises:
            BaseException: what the source raised.
        """
        if not self._arrived.is_set():
            self._wanted.set()
            await self._arrived.wait()
        if self._error is not None:
            self._told = True
            raise self._error
        email = self._held
        assert email is not None
        if email is not END:
            self._held = None
            self._arrived.clear()
        return email

    def stop(self) -> None:
        """End a wait for an email, as if the source were exhausted, and close the source."""
        self._over = True
        self._task.cancel()
        if not self._arrived.is_set():
            self._held = END
            self._arrived.set()

    def leave(self) -> None:
        """Keep what nobody asks for any more: an email that has come, and one that still comes."""
        self._over = True
        if self._arrived.is_set() and self._error is None and self._held is not END:
            assert self._held is not None
            self.keep(self._held)
            self._held = END

    async def stopped(self) -> None:
        """Wait until the source is closed.

        Raises:
            BaseException: what the source raised meanwhile, if no other caller got it.
        """
        while not self._task.done():
            await asyncio.wait((self._task,))
        if not self._task.cancelled() and (error := self._task.exception()) and not self._told:
            raise error

    async def _feed(self, emails: AsyncIterator[str]) -> None:
        try:
            while self._held is not END:
                await self._wanted.wait()
                self._wanted.clear()
                self._bring(await anext(emails, END))
        except BaseException as error:
            if not self._arrived.is_set():
                self._error = error
                self._arrived.set()
            await _close(emails)
            raise

    def _bring(self, email: str | Literal[Sign.END]) -> None:
        """Hold what came until somebody takes it.

        Raises:
            asyncio.CancelledError: nobody asks any more, which the source may have kept to itself.
        """
        if self._over and email is not END:
            self.keep(email)
            raise asyncio.CancelledError
        self._held = email
        self._arrived.set()


async def _close(emails: AsyncIterator[str]) -> None:
    """Close a source that is left early, if it is a generator or closes like one."""
    aclose = getattr(emails, "aclose", None)
    if aclose is not None:
        await aclose()
