"""What `watch` remembers between two processes: one private file, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from attrs import asdict, define, field

from ltx_async.codec.identity import entry_key
from ltx_async.files.errors import InputError
from ltx_async.files.lock import LockFile
from ltx_async.files.replacement import write_whole
from ltx_async.monitor.changes import Kind
from ltx_async.monitor.ledger import Ledger
from ltx_async.monitor.standing import Rules, Standing
from ltx_async.results.columns import COLUMNS

_WRITER: Final = "ltx-async watch"
_VERSION: Final = 1
_FIGURES: Final = ("balance", "token_expires_at", "refresh_token_expires_at")
_ANEW: Final = "Remove it to begin anew: what is wrong by then is told once more."

_NO_STATE: Final = (
    f"Choose another name for the state. If it was one: {_ANEW[0].lower()}{_ANEW[1:]}"
)


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
            return self._read(json.loads(text), rules)
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
        self.undelivered = [dict(alert) for alert in state["undelivered"]]
        return Ledger(
            rules,
            {entry_key(one.email): one for one in standings},
            outage_since=_moment(state["outage_since"]),
            outage_told=_moment(state["outage_told"]),
            settled=bool(state["settled"]),
        )

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


def _plain(_instance: Any, _attribute: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(column: str, value: Any) -> Any:
    """Return a value as results have it in a column; anything else is a `ValueError`."""
    return None if value is None else COLUMNS[column].read(value)


def _moment(value: Any) -> datetime | None:
    moment: datetime | None = _read("checked_at", value)
    return moment


def _standing(known: dict[str, Any]) -> Standing:
    """Structure what is known of one account; anything but that is an error."""
    fields = {**known, **{name: _read(name, known[name]) for name in _FIGURES}}
    fields["bad"] = None if known["bad"] is None else Kind(known["bad"])
    fields["crossed"] = _by_kind(known["crossed"], float)
    fields["told"] = _by_kind(known["told"], _moment)
    if not isinstance(known["email"], str):
        raise TypeError
    return Standing(**fields)


def _by_kind(known: Mapping[str, Any], read: Callable[[Any], Any]) -> dict[Kind, Any]:
    return {Kind(kind): read(value) for kind, value in known.items()}
