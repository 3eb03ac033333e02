"""The record of an account that is well, as JSON Lines nearly always have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import repeat
from operator import attrgetter
from sys import intern
from typing import Any, ClassVar, Final, Self

from attrs import define, fields

from ltx_async.models import Outcome
from ltx_async.results.record import Flaw, Record

# What has one form in JSON only, and means the same to every library.
_TEXT: Final = r"[ !#-\[\]-~]*+"
_WHOLE: Final = "(?:0|[1-9][0-9]{0,12})"
_FRACTION: Final = rf"{_WHOLE}\.[0-9]{{1,6}}"
_NUMBER: Final = rf"{_WHOLE}(?:\.[0-9]{{1,6}})?"
# These days exist, in a year of a clock; others may, such as the 29th of a February.
_DAY: Final = (
    "[1-8][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
_MOMENT: Final = f"{_DAY}T{_TIME}"
# What this matches is one whole line and a record, and no value has to be looked at for that.
# An empty alternative costs less than a question mark, which sets up a repetition.
_USUAL: Final = re.compile(
    rf'^\{{"email":"(?P<email>{_TEXT})","outcome":"ok","status":(?P<status>{_WHOLE})'
    rf',"attempts":(?P<attempts>{_WHOLE}),"elapsed_ms":(?P<elapsed_ms>{_FRACTION})'
    rf',"checked_at":"(?P<checked_at>{_MOMENT})"'
    rf'(?:,"base_url":(?:null|"(?P<base_url>{_TEXT})")|)'
    rf',"account":\{{"email":"{_TEXT}"(?:,"maxJobs":(?P<max_jobs>{_WHOLE})|)'
    rf'(?:,"updatedUTC":"(?P<updated_at>{_MOMENT})"|)'
    rf'(?:,"tokenExpireUTC":"(?P<token_expires_at>{_MOMENT})"|)'
    rf'(?:,"refreshTokenExpireUTC":"(?P<refresh_token_expires_at>{_MOMENT})"|)'
    rf'(?:,"balance":\{{"LTXStudio_token":(?P<balance>{_NUMBER})\}}|)'
    rf'(?:,"latestCreatedAtMs":\{{"LTXStudio_token":{_WHOLE}\}}|)\}},"error":null\}}\n',
    re.MULTILINE,
)


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


_READING: Final[dict[str, Callable[[str], Any]]] = {
    "email": str,
    "status": int,
    "attempts": int,
    "elapsed_ms": float,
    "checked_at": datetime.fromisoformat,
    "base_url": intern,
    "max_jobs": int,
    "updated_at": datetime.fromisoformat,
    "token_expires_at": datetime.fromisoformat,
    "refresh_token_expires_at": datetime.fromisoformat,
    "balance": _number,
}


def _value(name: str) -> Any:
    """Return a property: what a group of the pattern says, None where it is empty."""
    place, read = _USUAL.groupindex[name] - 1, _READING[name]

    def value(record: UsualRecord) -> Any:
        text = record.texts[place]
        return read(text) if text else None

    return property(value)


@define(eq=False)
class UsualRecord:
    """What a `Record` tells, each value made when it is asked for, as most never are.

    Attributes:
        texts: what stands in the line, by group of the pattern; empty where there was none.
    """

    texts: tuple[str, ...]

    outcome: ClassVar[Outcome] = Outcome.OK
    status: ClassVar[int] = _value("status")
    balance: ClassVar[float | None] = _value("balance")
    max_jobs: ClassVar[int | None] = _value("max_jobs")
    updated_at: ClassVar[datetime | None] = _value("updated_at")
    token_expires_at: ClassVar[datetime | None] = _value("token_expires_at")
    refresh_token_expires_at: ClassVar[datetime | None] = _value("refresh_token_expires_at")
    attempts: ClassVar[int] = _value("attempts")
    elapsed_ms: ClassVar[float] = _value("elapsed_ms")
    checked_at: ClassVar[datetime] = _value("checked_at")
    base_url: ClassVar[str | None] = _value("base_url")
    error_type: ClassVar[None] = None
    error: ClassVar[None] = None
    hint: ClassVar[None] = None
    ray: ClassVar[None] = None
    reason: ClassVar[None] = None

    @classmethod
    def of_line(cls, line: bytes) -> Self | None:
        """Take a line of JSON Lines with its end; None where it is another one than usual."""
        usual = _USUAL.fullmatch(line.decode("latin-1"))
        return None if usual is None else cls(usual.groups(""))

    @classmethod
    def runs_in(cls, lines: bytes) -> Iterator[tuple[bytes, Sequence[Self]]]:
        """Split lines of JSON Lines into those that are as usual, with their records, and others.

        To find all of them in one pass takes less than line by line. What is not usual comes
        without records, in its place.
        """
        run: list[Self] = []
        begun = end = 0
        for usual in _USUAL.finditer(lines.decode("latin-1")):
            if usual.start() != end:
                if run:
                    yield lines[begun:end], run
                begun, run = usual.start(), []
                yield lines[end:begun], ()
            run.append(cls(usual.groups("")))
            end = usual.end()
        if run:
            yield lines[begun:end], run
        if end < len(lines):
            yield lines[end:], ()

    @property
    def email(self) -> str:
        """The address; unlike other texts, it may be empty."""
        return self.texts[0]

    def record(self) -> Record:
        """Make the record."""
        return Record(**{name: getattr(self, name) for name in NAMES})


NAMES: Final = tuple(one.name for one in fields(Record) if one.name != "account")
"""What there is of every record, in order."""

Brief = Record | UsualRecord
"""A record of which nobody asks for the JSON of the account."""

Item = Brief | Flaw


def columns_of(records: Sequence[Brief]) -> Iterator[Iterable[Any]]:
    """Return what records of one class say, name by name in the order of `NAMES`."""
    usual = [one.texts for one in records if isinstance(one, UsualRecord)]
    if not usual:
        return (map(attrgetter(name), records) for name in NAMES)
    known = dict(zip(_USUAL.groupindex, zip(*usual, strict=True), strict=True))
    return (
        _values(_READING[name], known[name])
        if name in known
        else repeat(getattr(UsualRecord, name), len(records))
        for name in NAMES
    )


def _values(read: Callable[[str], Any], texts: Sequence[str]) -> Iterable[Any]:
    if read is str:
        return texts
    return [read(text) if text else None for text in texts]
