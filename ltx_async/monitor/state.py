"""What `watch` remembers between two processes: one private file, replaced whole."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import asdict, define, field

from ltx_async.codec.identity import entry_key
from ltx_async.files.errors import InputError
from ltx_async.files.lock import LockFile
from ltx_async.files.replacement import write_whole
from ltx_async.monitor.changes import Kind
from ltx_async.monitor.ledger import Ledger
from ltx_async.monitor.standing import BAD, Rules, Standing
from ltx_async.results.columns import COLUMNS

_WRITER: Final = "ltx-async watch"
_VERSION: Final = 1
_FIGURES: Final = ("balance", "token_expires_at", "refresh_token_expires_at")
_BAD: Final = frozenset(BAD.values())
_LIMITS: Final = frozenset({Kind.LOW_BALANCE, Kind.EXPIRING})
_WRONG: Final = _BAD | _LIMITS
_ANEW: Final = "Remove it to begin anew: what is wrong by then is told once more."
_NO_STATE: Final = (
    f"Choose another name for the state. If it was one: {_ANEW[0].lower()}{_ANEW[1:]}"
)

T = TypeVar("T")


@define
class StateFile:
    """A file that keeps what was reported, and the alerts that are not handed over yet.

    Only one process can use it at a time.

    Attributes:
        path: the file.
        undelivered: alerts that were not handed over, as JSON values.
    """

    path: Path
    undelivered: list[dict[str, Any]] = field(factory=list, init=False)
    _lock: LockFile = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Lock the file.

        Raises:
            OutputRefusedError: another process has it, or its directory cannot be written.
        """
        self._lock = LockFile.beside(self.path)

    def close(self) -> None:
        """Unlock the file for another process."""
        self._lock.release()

    def load(self, rules: Rules) -> Ledger:
        """Return the state that was saved, or an empty one if there is no file yet.

        Raises:
            InputError: it cannot be read, or it is none of ours.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return Ledger(rules)
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}.") from error
        try:
            return self._read(_DECODER.decode(text.decode()), rules)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise InputError(f"{self.path}: it is no state of watch.", hint=_NO_STATE) from None

    def _read(self, state: dict[str, Any], rules: Rules) -> Ledger:
        if state["writer"] != _WRITER:
            raise ValueError
        if state["version"] != _VERSION:
            raise InputError(
                f"{self.path}: it was written by another version of ltx-async.", hint=_ANEW
            )
        standings = [_standing(one) for one in state["accounts"]]
        ledger = Ledger(
            rules,
            {entry_key(one.email): one for one in standings},
            outage_since=_moment(state["outage_since"]),
            outage_told=_moment(state["outage_told"]),
            settled=_of_type(bool, state["settled"]),
        )
        undelivered = _of_type(list, state["undelivered"])
        self.undelivered = [_of_type(dict, alert) for alert in undelivered]
        return ledger

    def save(self, ledger: Ledger, undelivered: Sequence[Mapping[str, Any]]) -> None:
        """Replace the file, mode 0600.

        Raises:
            FileError: it cannot be written; the old one is as it was.
        """
        state = {
            "writer": _WRITER,
            "version": _VERSION,
            "settled": ledger.settled,
            "outage_since": _plain(None, None, ledger.outage_since),
            "outage_told": _plain(None, None, ledger.outage_told),
            "undelivered": list(undelivered),
            "accounts": [asdict(one, value_serializer=_plain) for one in ledger.standings.values()],
        }
        write_whole(self.path, json.dumps(state).encode())


def _finite(digits: str) -> float:
    """Return a number; one that is out of range is no JSON to other programs."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError
    return number


_DECODER: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def _plain(_instance: Any, _attribute: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(column: str, value: Any) -> Any:
    """Return a value as results have it in a column; anything else is a `ValueError`."""
    return None if value is None else COLUMNS[column].read(value)


def _moment(value: Any) -> datetime | None:
    moment: datetime | None = _read("checked_at", value)
    return moment


def _of_type(kind: type[T], value: Any) -> T:
    """Return a value of exactly this type; anything else is an error."""
    if type(value) is not kind:
        raise TypeError
    return value


def _standing(known: dict[str, Any]) -> Standing:
    """Structure what is known of one account; anything but that is an error."""
    fields = {**known, **{name: _read(name, known[name]) for name in _FIGURES}}
    fields["bad"] = None if known["bad"] is None else _one_of(_BAD, known["bad"])
    fields["crossed"] = {
        _one_of(_LIMITS, kind): _limit(value) for kind, value in known["crossed"].items()
    }
    fields["told"] = {
        _one_of(_WRONG, kind): COLUMNS["checked_at"].read(value)
        for kind, value in known["told"].items()
    }
    standing = Standing(**fields)
    _of_type(str, standing.email)
    for flag in (standing.invalid, standing.unanswered, standing.missed):
        _of_type(bool, flag)
    return standing


def _one_of(kinds: Collection[Kind], name: Any) -> Kind:
    """Return the kind of this name, if it may stand there."""
    kind = Kind(name)
    if kind not in kinds:
        raise ValueError
    return kind


def _limit(value: Any) -> float:
    if type(value) is not int and type(value) is not float:
        raise TypeError
    limit: float = COLUMNS["balance"].read(value)
    return limit
