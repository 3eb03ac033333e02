"""The records of a report, one for each email, as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Final, Self, get_args, get_type_hints, overload

from attrs import define, field

from ltx_async.codec.identity import entry_key
from ltx_async.report.arrays import Column, Moments, Numbers, Repeated, Texts
from ltx_async.results.known import KeyNumbers
from ltx_async.results.record import Record
from ltx_async.results.usual_record import NAMES, Brief, columns_of

_AT_A_TIME: Final = 1_000


def _kind_of(name: str, hint: Any) -> type[Column]:
    types = get_args(hint) or (hint,)
    if datetime in types:
        return Moments
    if float in types:
        return Numbers
    return Texts if name == "email" else Repeated


_HINTS: Final = get_type_hints(Record)
_KINDS: Final = {name: _kind_of(name, _HINTS[name]) for name in NAMES}


@define(eq=False)
class Records(Sequence[Record]):
    """Records without the JSON of their accounts, in some 150 bytes each.

    A `Record` is made each time that one is asked for; what passes over all of them reads the
    columns.

    Attributes:
        replaced: how many gave way to a later one of their email.
    """

    replaced: int = field(default=0, init=False)
    _columns: dict[str, Column] = field(init=False)
    _rows: KeyNumbers = field(factory=KeyNumbers, init=False)

    def __attrs_post_init__(self) -> None:
        self._columns = {name: kind() for name, kind in _KINDS.items()}

    @classmethod
    def of(cls, found: Iterable[Brief]) -> Self:
        """Keep records; the last one of an email takes the place of the others."""
        records, rest = cls(), iter(found)
        while piece := list(islice(rest, _AT_A_TIME)):
            records._add(piece)
        return records

    def _add(self, piece: Iterable[Brief]) -> None:
        begun = len(self)
        fresh: dict[int, Brief] = {}
        for one in piece:
            row = self._row_for(one.email, begun + len(fresh))
            self.replaced += row < begun + len(fresh)
            if row < begun:
                self._replace(row, one)
            else:
                fresh[row] = one
        for _, run in groupby(fresh.values(), type):
            columns = columns_of(list(run))
            for column, values in zip(self._columns.values(), columns, strict=True):
                column.extend(values)

    def _row_for(self, email: str, new: int) -> int:
        key = entry_key(email)
        row = self._rows.put(key, new)
        if row is None:
            return new
        self._rows.put(key, row)
        return row

    def _replace(self, row: int, record: Brief) -> None:
        for name, column in self._columns.items():
            column[row] = getattr(record, name)

    def column(self, name: str) -> Column:
        """Return what all records say under one name, in order."""
        return self._columns[name]

    def moments(self, name: str) -> Moments:
        """Return a column of moments."""
        column = self._columns[name]
        assert isinstance(column, Moments)
        return column

    def counts(self, name: str) -> Counter[Any]:
        """Return how often there is each value of a column, in the order in which they come."""
        column = self._columns[name]
        return column.counts() if isinstance(column, Repeated) else Counter(column)

    def value_of(self, email: str, name: str) -> Any:
        """Return what a column says of an email; None where it has no record."""
        row = self._rows.get(entry_key(email))
        return None if row is None else self._columns[name][row]

    def find(self, email: str) -> Record | None:
        """Return the record of an email, in whatever case its domain is; None without any."""
        row = self._rows.get(entry_key(email))
        return None if row is None else self._made(row)

    def where(self, name: str, test: Callable[[Any], object]) -> Iterator[Record]:
        """Return the records whose value in a column passes a test."""
        return map(self._made, self._columns[name].rows(test))

    def __len__(self) -> int:
        return len(self._columns["email"])

    def __iter__(self) -> Iterator[Record]:
        return map(self._made, range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, index: int | slice) -> Record | tuple[Record, ...]:
        rows = range(len(self))[index]
        return self._made(rows) if isinstance(rows, int) else tuple(map(self._made, rows))

    def _made(self, row: int) -> Record:
        return Record(**{name: column[row] for name, column in self._columns.items()})
