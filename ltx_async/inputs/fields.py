"""Find the column of a table, or the field of JSON objects, that holds the emails."""

from __future__ import annotations

import re
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
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
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


def not_found(
    what: str,
    wanted: str,
    names: Sequence[str],
    holding: Sequence[str],
    *,
    hint: str | None = None,
) -> InputError:
    """Say that a name is missing, and which names there are."""
    told = _names_told(names, holding)
    return InputError(f"the input has no {what} {wanted!r}; {told}", hint=hint or _CHOOSE)


def _names_told(names: Sequence[str], holding: Sequence[str]) -> str:
    """Say which names there are, the likely ones first, and which hold addresses."""
    by_mail = sorted(names, key=lambda name: (name not in holding, "mail" not in name.casefold()))
    shown = clipped(", ".join(map(repr, by_mail[:_NAMES_SHOWN])), _LONGEST_NAMES)
    addresses = clipped(" and ".join(map(repr, holding)), _LONGEST_NAMES)
    told = f" Addresses are in {addresses}." if holding else ""
    return f"it has {shown if names else 'none'}.{told}"


def ambiguous(names: Sequence[str], wanted: str) -> InputError | None:
    """Say that several columns have the name that is wanted; None where one has it, or none."""
    alike = [name for name in names if name == wanted]
    alike = alike or [name for name in names if name.casefold() == wanted.casefold()]
    if len(alike) < 2:
        return None
    shown = clipped(" and ".join(map(repr, alike)), _LONGEST_NAMES)
    if len({*alike}) == len(alike):
        return InputError(f"the input has the columns {shown}.", hint=_CHOOSE)
    return InputError(
        f"the input has several columns of one name: {shown}.",
        hint="Rename them in its first line, so that one is the column with the emails.",
    )


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
            raise _without_email(objects, self._column)
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


def _without_email(objects: Sequence[dict[str, Any]], wanted: str) -> InputError:
    """Say that none of these objects has a text under a name, and where their emails may be."""
    columns = _columns(objects)
    names, holding = list(columns), holding_addresses(columns)
    values = {name: value for one in objects for name, value in _flat(one)}
    position = position_of(names, wanted)
    if position is None:
        lists = [name for name in names if isinstance(values[name], list)]
        hint = None if holding or not lists else _unpacked(lists[0])
        return not_found("field", wanted, names, holding, hint=hint)
    name = names[position]
    is_list = isinstance(values[name], list)
    return InputError(
        f"the input has no text in the field {clipped(name, _LONGEST_NAMES)!r}, "
        f"but {_kind(values[name])}; {_names_told(names, holding)}",
        hint=_unpacked(name) if is_list and not holding else _CHOOSE,
    )


def _kind(value: object) -> str:
    names = {list: "a list", dict: "an object", bool: "true or false"}
    return names.get(type(value), "a number or null")  # numbers may be read as None


def _unpacked(name: str) -> str:
    """Say how the elements of a list become an input."""
    path = f".{name}" if _PLAIN_NAME.fullmatch(name) else ".NAME"
    return f"Take the list out: jq {path} FILE | ltx-async check -"


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
