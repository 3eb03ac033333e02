"""Several inputs, read one after another as if they were one."""

from __future__ import annotations

import stat
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from attrs import define, evolve, field

from ltx_async.inputs.entries import Entry, LineCounts
from ltx_async.inputs.input import HowToRead, Input
from ltx_async.inputs.source import STANDARD_INPUT, ByteSource

_PIECES_LOOKED_AT: Final = 4


@define
class InputSequence:
    """Several inputs, read one after another; each file is opened when its turn comes."""

    _current: Input
    _waiting: deque[str]
    _how: HowToRead
    _size: int | None
    _offset: int = field(default=0, init=False)
    _unread: int = field(default=0, init=False)
    _failed: bool = field(default=False, init=False)
    _finished: LineCounts = field(factory=LineCounts, init=False)

    @classmethod
    def open(cls, names: Sequence[str], how: HowToRead) -> InputSequence:
        """Open the first of the inputs; `-` is standard input.

        Raises:
            InputError: it cannot be read.
        """
        how = evolve(how, mixed=len(names) > 1)
        first = Input(ByteSource.open(names[0]), how)
        sizes = [first.size, *map(_size_of, names[1:])]
        whole = None if None in sizes else sum(size or 0 for size in sizes)
        return cls(first, deque(names[1:]), how, whole)

    @property
    def exhausted(self) -> bool:
        """Whether everything was read to its end."""
        return self.is_over and not self._failed

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be read, at the end or after an error."""
        return self._current.exhausted and not self._waiting

    @property
    def is_file(self) -> bool:
        """Whether what is being read can be read to its end at any time."""
        return self._current.is_file

    @property
    def pieces_ahead(self) -> int:
        """How many pieces are read before anything is asked for; of a pipe none, as it may wait."""
        return _PIECES_LOOKED_AT if self.is_file else 0

    @property
    def unread(self) -> int:
        """How many lines there were behind an error."""
        return self._unread + self._current.unread

    @property
    def counts(self) -> LineCounts:
        """What became of the lines so far."""
        return self._finished + self._current.counts

    @property
    def share(self) -> float | None:
        """Which part of the bytes was read; None where that is not known."""
        if not self._size or self._current.size is None:
            return None
        return (self._offset + self._current.offset) / self._size

    async def read(self) -> Iterable[Entry]:
        """Return further entries, perhaps none yet.

        Raises:
            InputError: also while the entries are iterated over.
        """
        if not self._current.exhausted:
            return await self._current.read()
        if self._waiting:
            name = self._waiting.popleft()
            self._finish_current()
            self._current = Input(ByteSource.open(name), self._how)
        return ()

    async def verify_others(self) -> None:
        """Read the beginnings of the files whose turn has not come.

        Raises:
            InputError: one of them cannot be read, or not as it was said.
        """
        quietly = evolve(self._how, tell=lambda _: None)
        for name in self._waiting:
            if not _may_wait(name):
                await _verify(Input(ByteSource.open(name), quietly))

    def abandon(self) -> None:
        """Go on to count after an error; the input is then not taken as read to its end."""
        self._failed = True

    def stop(self) -> None:
        """Stop waiting for a pipe; files can be read on."""
        self._current.stop()

    def close(self) -> None:
        """Close what is open."""
        self._current.close()

    def _finish_current(self) -> None:
        self._finished += self._current.counts
        self._offset += self._current.offset
        self._unread += self._current.unread
        self._current.close()


async def _verify(beginning: Input) -> None:
    try:
        for _ in range(_PIECES_LOOKED_AT):
            if not beginning.exhausted:
                deque(await beginning.read(), maxlen=0)
    finally:
        beginning.close()


def _may_wait(name: str) -> bool:
    """Whether an input is a pipe or the like: it may keep us waiting, and can be read only once."""
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError):
        return name == STANDARD_INPUT
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _size_of(name: str) -> int | None:
    """Return the bytes of a file; None of what is no file, or cannot be looked at."""
    try:
        status = Path(name).stat()
    except (OSError, ValueError):  # opening it will say what is wrong
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
