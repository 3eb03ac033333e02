"""Read the results of a check, whatever the format: told by the content, not by the name."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import define, field

from ltx_async.files.errors import InputError, verify_name
from ltx_async.results.formats import FORMATS
from ltx_async.results.record import Flaw, Record
from ltx_async.results.usual_record import Brief, Item
from ltx_async.wording import counted

_WHAT_TO_NAME: Final = "Name a file written by `check -o`."
_AHEAD: Final = 64 << 10  # bytes; a header of many columns is seen whole


def read_results(path: str | Path, *, accounts: bool = True) -> RecordReader:
    """Read the records of a results file, one after the other and as late as possible.

    JSON Lines, CSV, TSV and SQLite are told apart by their content. Fields and columns that are
    not known are no matter. The file is closed when the last record was read, and by `close`.

    Args:
        path: a file that `check -o` or `open_results` has written, even while it is written to.
        accounts: whether records hold the JSON of the accounts beside their columns. To leave it
            out is faster.

    Raises:
        InputError: from the iteration: it cannot be read, or nothing in it is a result.
    """
    return RecordReader(str(path), _items(Path(path), accounts=accounts))


@define(eq=False)
class RecordReader(Iterator[Record]):
    """An iterator over the records of one file, in its order; also a context manager.

    Attributes:
        name: the file as it was named.
    """

    name: str
    _items: Generator[Item]
    _brief: Iterator[Brief] = field(init=False)
    _records: int = field(default=0, init=False)
    _unusable: int = field(default=0, init=False)
    _torn: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._brief = self._usable()

    def __next__(self) -> Record:
        record = next(self._brief)
        return record if isinstance(record, Record) else record.record()

    def _usable(self) -> Iterator[Brief]:
        for item in self._items:
            self._unusable += self._torn  # only the last record can be torn; others are unusable
            if isinstance(item, Flaw):
                self._torn = item is Flaw.TORN
                self._unusable += item is Flaw.UNUSABLE
            else:
                self._torn = False
                self._records += 1
                yield item
        if not self._records and (self._unusable or self._torn):
            raise InputError(
                f"{self.name}: not one line of it is a result of a check.", hint=_WHAT_TO_NAME
            )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was wrong with the file, a sentence each; complete after the last record."""
        remarks = []
        if self._torn:
            remarks.append(
                "The last record is torn, so the run was cut off; `check --resume` completes it."
            )
        if self._unusable:
            remarks.append(f"Left out, as not understood: {counted(self._unusable, 'record')}.")
        return tuple(remarks)

    def close(self) -> None:
        """Close the file, whatever is left of it."""
        self._items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def brief_records(reader: RecordReader) -> Iterator[Brief]:
    """Return the records that are left of a file, as it is quickest to read them."""
    return reader._brief  # noqa: SLF001 - of the same module


def _items(path: Path, *, accounts: bool) -> Generator[Item]:
    verify_name(path, InputError)
    try:
        with BufferedReader(path.open("rb", buffering=0), _AHEAD) as file:
            # Peek, because a pipe cannot be rewound.
            start = file.peek()
            form = next((one for one in FORMATS if one.recognises(start)), None)
            if form is not None:
                yield from form.read(path, file, accounts=accounts)
                return
    except OSError as error:
        reason = error.strerror or str(error)
    except sqlite3.Error as error:
        reason = str(error)
    else:
        known = ", ".join(one.title for one in FORMATS)
        reason = f"is no results of a check ({known})"
    raise InputError(f"{path}: {reason}.", hint=_WHAT_TO_NAME)
