"""Find the column of a table, or the field of JSON objects, that holds the emails."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from ltx_async.files.errors import InputError
from ltx_async.inputs.addresses import objection
from ltx_async.inputs.entries import Entry, EntryRule, refused_entry
from ltx_async.models import Outcome
from ltx_async.results.record import Record
from ltx_async.results.sqlite.reading import sqlite_items
from ltx_async.wording import clipped

EMAIL: Final = "email"
SAMPLE: Final = 10
"""Rows or objects that are read before an error says that none of them has the name."""

_NAMES_SHOWN: Final = 20
_LONGEST_NAMES: Final = 200
_DEEPEST: Final = 4
_REFUSED_BEFORE: Final = "an earlier run refused it"
_CHOOSE: Final = "Choose one with --column NAME."


def position_of(names: Sequence[str], wanted: str) -> int | None:
    """Return the position of a name: an exact match first, else one that ignores case."""
    if wanted in names:
        return names.index(wanted)
    folded = [name.casefold() for name in names]
    return folded.index(wanted.casefold()) if wanted.casefold() in folded else None


def is_mail_name(name: str, wanted: str) -> bool:
    """Whether a name is the one that is wanted, or speaks of mail."""
    folded = name.casefold()
    return folded == wanted.casefold() or "mail" in folded


def holding_addresses(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names whose values are addresses: at least half of those that are no blanks."""
    return [name for name, values in columns.items() if _are_addresses(values)]


def _are_addresses(values: Iterable[str]) -> bool:
    texts = [text for value in values if (text := value.strip())]
    plain = sum(objection(text) is None for text in texts)
    return plain > 0 and 2 * plain >= len(texts)


def not_found(what: str, wanted: str, names: Sequence[str], holding: Sequence[str]) -> InputError:
    """Say that a name is missing, and which names there are: the likely ones first."""
    by_mail = sorted(names, key=lambda name: (name not in holding, "mail" not in name.casefold()))
    shown = clipped(", ".join(map(repr, by_mail[:_NAMES_SHOWN])), _LONGEST_NAMES)
    addresses = clipped(" and ".join(map(repr, holding)), _LONGEST_NAMES)
    told = f" Addresses are in {addresses}." if holding else ""
    has = f"it has {shown}" if names else "it has none"
    return InputError(f"the input has no {what} {wanted!r}; {has}.{told}", hint=_CHOOSE)


@define
class FieldReader:
    """Takes the emails out of decoded JSON values: objects with a name, or plain strings.

    The first values are held back until one of them has the name. If none has, the name is at
    fault, and not each single line.
    """

    _rule: EntryRule
    _column: str
    _path: tuple[str, ...] | None = field(default=None, init=False)
    _held: list[tuple[Any, str, int, bool]] | None = field(factory=list, init=False)

    def entries(self, value: Any, text: str, line: int, *, broken: bool) -> Iterable[Entry]:
        """Make the entries of a value.

        Args:
            value: decoded; None where it could not be.
            text: the same as it was written in the input.
            line: where it begins.
            broken: whether it had bytes that are not UTF-8.

        Raises:
            InputError: many objects have been read, and none has the name.
        """
        if self._held is None:
            known = type(value) is dict and "outcome" not in value  # may be our record with it
            if known and type(email := value.get(self._column)) is str:
                return self._rule.of_cell(email, line, broken=broken)
            return self._made(value, text, line, broken=broken)
        self._held.append((value, text, line, broken))
        if self._email_of(value) is not None:
            return self._release()
        return self.finish() if len(self._held) >= SAMPLE else ()

    @property
    def held(self) -> int:
        """How many values are held back."""
        return len(self._held or ())

    def finish(self) -> Iterable[Entry]:
        """Return the entries of what is held back, as no more values will come.

        Raises:
            InputError: there are objects, and none has the name.
        """
        objects = [value for value, *_ in self._held or () if isinstance(value, dict)]
        if objects:
            columns = _columns(objects)
            raise not_found("field", self._column, list(columns), holding_addresses(columns))
        return self._release()

    def _release(self) -> Iterator[Entry]:
        held, self._held = self._held, None
        for value, text, line, broken in held or ():
            yield from self._made(value, text, line, broken=broken)

    def _made(self, value: Any, text: str, line: int, *, broken: bool) -> Iterable[Entry]:
        email = self._email_of(value)
        if email is None:
            return (
                refused_entry(text, f"no JSON object with the text field {self._column!r}", line),
            )
        ours = type(value) is dict and "outcome" in value
        if ours and (reason := refused_before(value.get)) is not None:
            return (refused_entry(email, reason, line),)
        return self._rule.of_cell(email, line, broken=broken)

    def _email_of(self, value: Any) -> str | None:
        if isinstance(value, dict):
            if self._path is not None and isinstance(found := _follow(value, self._path), str):
                return found
            path = _path_to(value, self._column)
            if path is None:
                return None
            self._path, value = path, _follow(value, path)
        return value if isinstance(value, str) else None


def refused_before(cell: Callable[[str], Any]) -> str | None:
    r"""Say why the email of one of our own records was refused; None if it was not.

    Bytes that were not UTF-8 stand there as `\xNN`, which looks like an address but is none.
    """
    if cell("outcome") != "invalid" or not cell("checked_at"):
        return None
    error = cell("error")
    reason = error.get("message") if isinstance(error, dict) else error
    return reason if isinstance(reason, str) and reason else _REFUSED_BEFORE


def records_of(path: str, name: str, rule: EntryRule) -> Iterator[Entry]:
    """Return the emails of the results of a check in SQLite.

    Raises:
        InputError: it is another database, or a damaged one.
    """
    try:
        for number, record in enumerate(sqlite_items(Path(path)), 1):
            rule.counts.lines += 1
            if not isinstance(record, Record):
                yield refused_entry("", "no record of a check", number)
            elif record.outcome is Outcome.INVALID:
                yield refused_entry(record.email, record.error or _REFUSED_BEFORE, number)
            else:
                yield from rule.of_text(record.email, number)
    except sqlite3.Error as error:
        problem = str(error)
    else:
        return
    raise InputError(
        f"{name}: is an SQLite database without results of a check ({problem}).",
        hint="Print the emails with the sqlite3 tool, one per line, and pipe them to `check -`.",
    )


def _path_to(value: dict[str, Any], column: str) -> tuple[str, ...] | None:
    """Return the names that lead to a text: the column itself, or those that its dots join."""
    for depth in range(len(parts := column.split("."))):
        head, rest = ".".join(parts[: len(parts) - depth]), ".".join(parts[len(parts) - depth :])
        names = list(value)
        if (position := position_of(names, head)) is None:
            continue
        below = value[names[position]]
        if not rest:
            return (names[position],) if isinstance(below, str) else None
        if isinstance(below, dict) and (path := _path_to(below, rest)) is not None:
            return (names[position], *path)
    return None


def _follow(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _columns(objects: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the texts of all objects by name; the names of nested objects are joined by dots."""
    columns: dict[str, list[str]] = {}
    for one in objects:
        for name, value in _flat(one):
            columns.setdefault(name, []).extend([value] if isinstance(value, str) else [])
    return columns


def _flat(value: dict[str, Any], before: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    for name, below in value.items():
        if isinstance(below, dict) and depth < _DEEPEST:
            yield from _flat(below, f"{before}{name}.", depth + 1)
        else:
            yield f"{before}{name}", below
