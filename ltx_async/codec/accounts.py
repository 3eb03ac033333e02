"""Structure a decoded JSON object into an `Account`: strictly, nothing is coerced."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import define

from ltx_async.models import EPOCH, TOKEN_KEY, Account, Cookie

_JSON_TYPES: Final = {
    bool: "a boolean",
    int: "an integer",
    float: "a fraction",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


class _MismatchError(ValueError):
    """A value is not of its documented type; `below` is the path from the field on."""

    def __init__(self, expected: str, below: str = "") -> None:
        super().__init__(expected)
        self.below = below


def json_type(value: Any) -> str:
    """Name the JSON type of a decoded value, with its article."""
    return _JSON_TYPES[type(value)]


def _mismatch(expected: str, value: Any, below: str = "") -> _MismatchError:
    return _MismatchError(f"expected {expected}, got {json_type(value)}", below)


def _text(value: Any, _type: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    raise _mismatch("a string", value)


def _integer(value: Any, _type: Any) -> int | None:
    if value is None or type(value) is int:
        return value
    raise _mismatch("an integer", value)


def _milliseconds(value: Any, _type: Any, below: str = "") -> datetime | None:
    if value is None:
        return None
    if type(value) is not int:
        raise _mismatch("an integer of epoch milliseconds", value, below)
    try:
        return EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        pass
    raise _MismatchError("epoch milliseconds out of range", below)


def _date_time(value: Any, _type: Any) -> datetime | None:
    if value is None:
        return None
    if type(value) is not str:
        raise _mismatch("an ISO 8601 date-time", value)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is UTC:
            return moment
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _MismatchError("expected an ISO 8601 date-time with its zone, got other text")


def _cookie(value: Any, _type: Any) -> Cookie | None:
    if value is None:
        return None
    if type(value) is not dict:
        raise _mismatch("an object", value)
    for name, item in value.items():
        if type(item) is not str and item is not None:
            raise _mismatch("a string", item, f".{name}")
    if value.keys() == _COOKIE_FIELDS:
        return Cookie(value["lt_id"], value["lt_token"], value["lt_refresh_token"])
    extra = {k: v for k, v in value.items() if k not in _COOKIE_FIELDS and v is not None}
    return Cookie(
        lt_id=value.get("lt_id"),
        lt_token=value.get("lt_token"),
        lt_refresh_token=value.get("lt_refresh_token"),
        extra=extra,
    )


def _balance(value: Any, _type: Any) -> dict[str, Any] | None:
    tokens = _token_entry(value)
    if tokens is None or type(tokens) is int or type(tokens) is float:
        return value  # type: ignore[no-any-return]
    raise _mismatch("a number", tokens, f".{TOKEN_KEY}")


def _latest_created(value: Any, _type: Any) -> dict[str, Any] | None:
    created = _token_entry(value)
    if type(created) is not int or not 0 <= created <= _COMMON_ERA:  # else look closer
        _milliseconds(created, None, f".{TOKEN_KEY}")
    return value  # type: ignore[no-any-return]


def _token_entry(value: Any) -> Any:
    if value is None:
        return None
    if type(value) is not dict:
        raise _mismatch("an object", value)
    return value.get(TOKEN_KEY)


@define
class _WireAccount:
    """The documented fields under their wire names, each checked and converted."""

    email: str | None = None
    cookie: Cookie | None = None
    maxJobs: int | None = None  # noqa: N815 - wire names, here and below
    updated: datetime | None = None
    updatedUTC: datetime | None = None  # noqa: N815
    tokenExpire: datetime | None = None  # noqa: N815
    tokenExpireUTC: datetime | None = None  # noqa: N815
    refreshTokenExpire: datetime | None = None  # noqa: N815
    refreshTokenExpireUTC: datetime | None = None  # noqa: N815
    balance: dict[str, Any] | None = None
    latestCreatedAtMs: dict[str, Any] | None = None  # noqa: N815
    error: str | None = None


_COMMON_ERA: Final = 253_402_300_799_999  # the last millisecond of the year 9999
_COOKIE_FIELDS: Final = frozenset({"lt_id", "lt_token", "lt_refresh_token"})
_HOOKS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "email": _text,
    "cookie": _cookie,
    "maxJobs": _integer,
    "updated": _milliseconds,
    "updatedUTC": _date_time,
    "tokenExpire": _milliseconds,
    "tokenExpireUTC": _date_time,
    "refreshTokenExpire": _milliseconds,
    "refreshTokenExpireUTC": _date_time,
    "balance": _balance,
    "latestCreatedAtMs": _latest_created,
    "error": _text,
}
FIELDS: Final = frozenset(_HOOKS)


def _structuring(*, detailed: bool) -> Callable[[Any, Any], _WireAccount]:
    """Have cattrs write the function that structures an account.

    Importing cattrs and compiling what it writes is a third of the library's import time.
    """
    from cattrs import Converter  # noqa: PLC0415
    from cattrs.gen import make_dict_structure_fn, override  # noqa: PLC0415

    overrides: dict[str, Any] = {n: override(struct_hook=hook) for n, hook in _HOOKS.items()}
    return make_dict_structure_fn(
        _WireAccount, Converter(), _cattrs_detailed_validation=detailed, **overrides
    )


@functools.cache
def _quick() -> Callable[[Any, Any], _WireAccount]:
    """Return what structures a sound account."""
    return _structuring(detailed=False)


@functools.cache
def _detailed() -> Callable[[Any, Any], _WireAccount]:
    """Return what tells of each field that is not as documented; it is slower."""
    return _structuring(detailed=True)


def prepare() -> None:
    """Have everything ready that the first account would otherwise wait for."""
    _quick()


def structure_account(wire: dict[str, Any]) -> Account | list[str]:
    """Return the account, or a line for each field that is not as documented.

    The lines name the path and the type, never the value.
    """
    try:
        fields = _quick()(wire, _WireAccount)
    except _MismatchError:
        return _problems(wire)
    extra = {} if FIELDS.issuperset(wire) else {k: wire[k] for k in wire if k not in FIELDS}
    return Account(
        fields.email,
        fields.cookie,
        fields.maxJobs,
        fields.updated or fields.updatedUTC,
        fields.tokenExpire or fields.tokenExpireUTC,
        fields.refreshTokenExpire or fields.refreshTokenExpireUTC,
        fields.balance,
        fields.latestCreatedAtMs,
        fields.error,
        extra,
        wire=wire,
    )


def _problems(wire: dict[str, Any]) -> list[str]:
    from cattrs import ClassValidationError  # noqa: PLC0415 - see `_structuring`

    try:
        _detailed()(wire, _WireAccount)
    except ClassValidationError as error:
        noted, _ = error.group_exceptions()
        return [f"{note.name}{getattr(why, 'below', '')}: {why}" for why, note in noted]
    return ["the object is not an account"]
