"""Columns of a million values in little memory; what is kept comes back to the bit.

Each kind keeps in an array what its values nearly always are. What does not fit there stands
apart, by row.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, count
from typing import Any, Final

from attrs import define, field

from ltx_async.models import EPOCH

_EXACT: Final = 1 << 53  # every whole number up to here is a float, too


@define(eq=False)
class Column(ABC):
    """Values by row; each may be None."""

    _array: array[Any] = field(init=False)
    _apart: dict[int, Any] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator[Any]:
        return map(self.__getitem__, range(len(self)))

    def rows(self, test: Callable[[Any], object]) -> Iterator[int]:
        """Return the rows whose value passes a test."""
        return (row for row, value in enumerate(self) if test(value))

    @abstractmethod
    def __getitem__(self, row: int) -> Any: ...

    def __setitem__(self, row: int, value: Any) -> None:
        self._apart.pop(row, None)
        self._array[row] = self._packed(row, value)

    def extend(self, values: Iterable[Any]) -> None:
        """Keep values in new rows."""
        new = list(values)
        packed = self._all_packed(new)
        if packed is None:
            packed = map(self._packed, count(len(self)), new)
        self._array.extend(packed)

    def _all_packed(self, values: Sequence[Any]) -> Iterable[Any] | None:  # noqa: ARG002
        """Return what `_packed` does of each, in half of the time; None where one stands apart."""
        return None

    @abstractmethod
    def _packed(self, row: int, value: Any) -> Any:
        """Return what the array is to hold of a value."""

    def known(self) -> Iterator[Any]:
        """Return the values that are not None."""
        return (value for value in self if value is not None)


class _Numbered(dict[Any, int]):
    """The numbers of values, from 0, given when they are first looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.in_order: list[Any] = []

    def __missing__(self, value: Any) -> int:
        self[value] = number = len(self)
        self.in_order.append(value)
        return number


@define(eq=False)
class Repeated(Column):
    """Values of which many are equal, in 4 bytes each: outcomes, statuses, messages."""

    _array: array[int] = field(factory=lambda: array("I"), init=False)
    _values: _Numbered = field(factory=_Numbered, init=False)

    def __getitem__(self, row: int) -> Any:
        return self._values.in_order[self._array[row]]

    def extend(self, values: Iterable[Any]) -> None:
        """Keep values in new rows."""
        self._array.extend(map(self._values.__getitem__, values))

    def _packed(self, row: int, value: Any) -> int:  # noqa: ARG002 - the same in all rows
        return self._values[value]

    def __iter__(self) -> Iterator[Any]:
        return map(self._values.in_order.__getitem__, self._array)

    def rows(self, test: Callable[[Any], object]) -> Iterator[int]:
        """Return the rows whose value passes a test, asked once for each value."""
        wanted = {number for value, number in self._values.items() if test(value)}
        if wanted:
            yield from (row for row, number in enumerate(self._array) if number in wanted)

    def counts(self) -> Counter[Any]:
        """Return how often there is each value, in the order of their first rows."""
        values = self._values.in_order
        return Counter({values[number]: n for number, n in Counter(self._array).items()})


@define(eq=False)
class Numbers(Column):
    """Finite numbers in 9 bytes each: as floats, and whether they are whole numbers in truth."""

    _array: array[float] = field(factory=lambda: array("d"), init=False)
    _whole: bytearray = field(factory=bytearray, init=False)

    def __getitem__(self, row: int) -> float | None:
        number = self._array[row]
        if math.isnan(number):
            return self._apart.get(row)
        return int(number) if self._whole[row] else number

    def __setitem__(self, row: int, value: float | None) -> None:
        super().__setitem__(row, value)
        self._whole[row] = type(value) is int

    def extend(self, values: Iterable[float | None]) -> None:
        """Keep numbers in new rows."""
        numbers = list(values)
        super().extend(numbers)
        self._whole.extend([type(value) is int for value in numbers])

    def _all_packed(self, values: Sequence[float | None]) -> Iterable[float] | None:
        if any(one is not None and abs(one) > _EXACT for one in values):
            return None
        return [math.nan if one is None else one for one in values]

    def _packed(self, row: int, value: float | None) -> float:
        if value is None:
            return math.nan
        if type(value) is float or -_EXACT <= value <= _EXACT:
            return value
        self._apart[row] = value
        return math.nan


@define(eq=False)
class Moments(Column):
    """Moments, aware, in 8 bytes each: as microseconds since 1970; they come back in UTC."""

    _array: array[float] = field(factory=lambda: array("d"), init=False)

    def __getitem__(self, row: int) -> datetime | None:
        since = self._array[row]
        return self._apart.get(row) if math.isnan(since) else moment_of(since)

    def _all_packed(self, values: Sequence[datetime | None]) -> Iterable[float] | None:
        all_since = [math.nan if one is None else microseconds(one) for one in values]
        far = [since for since in all_since if since <= -_EXACT or since >= _EXACT]
        return None if far else all_since

    def _packed(self, row: int, value: datetime | None) -> float:
        if value is None:
            return math.nan
        if -_EXACT < (since := microseconds(value)) < _EXACT:
            return since
        self._apart[row] = value
        return math.nan

    def latest(self) -> datetime | None:
        """Return the last moment; None where none is known."""
        since = max((since for since in self._array if not math.isnan(since)), default=None)
        usual = () if since is None else (moment_of(since),)
        return max((*usual, *self._apart.values()), default=None)

    def since(self) -> Iterator[float]:
        """Return the microseconds since 1970 of the moments that are known."""
        yield from (since for since in self._array if not math.isnan(since))
        yield from map(microseconds, self._apart.values())


def microseconds(moment: datetime) -> float:
    """Return the microseconds between 1970 and an aware moment; whole ones until 2255."""
    since = moment - EPOCH
    # Floats, as whole numbers of this size take Python three times as long.
    return (since.days * 86_400.0 + since.seconds) * 1e6 + since.microseconds


def moment_of(since: float) -> datetime:
    """Return the moment so many microseconds after 1970, UTC."""
    return EPOCH + timedelta(microseconds=since)


@define(eq=False)
class Texts(Column):
    """Texts that differ, in UTF-8 one after the other, with 8 bytes for the end of each."""

    _array: array[int] = field(factory=lambda: array("Q"), init=False)
    _utf8: bytearray = field(factory=bytearray, init=False)

    def __getitem__(self, row: int) -> str:
        if row in self._apart:
            return str(self._apart[row])
        begin = self._array[row - 1] if row else 0
        return str(self._utf8[begin : self._array[row]], "utf-8", "surrogatepass")

    def __setitem__(self, row: int, value: str) -> None:
        self._apart[row] = value  # as another one may be longer

    def _all_packed(self, values: Sequence[str]) -> Iterable[int] | None:
        text = "".join(values)
        if not text.isascii():
            return None
        begin = len(self._utf8)
        self._utf8 += text.encode("ascii")
        return [begin + length for length in accumulate(map(len, values))]

    def _packed(self, row: int, value: str) -> int:  # noqa: ARG002 - appended
        self._utf8 += value.encode("utf-8", "surrogatepass")
        return len(self._utf8)
