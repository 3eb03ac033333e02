"""Structure a decoded JSON object into an `Account`: strictly, nothing is coerced."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ltx_async.models import (
    COOKIE_FIELDS,
    EPOCH,
    TOKEN_KEY,
    WIRE_NAMES,
    Account,
    Cookie,
    draft_of,
    freeze,
)

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
    get = value.get
    lt_id, lt_token, lt_refresh_token = get("lt_id"), get("lt_token"), get("lt_refresh_token")
    if len(value) == 3 and type(lt_id) is type(lt_token) is type(lt_refresh_token) is str:
        return Cookie(lt_id, lt_token, lt_refresh_token)
    return Cookie(lt_id, lt_token, lt_refresh_token, _further_strings(value))


def _further_strings(cookie: dict[str, Any]) -> dict[str, str]:
    for name, item in cookie.items():
        if type(item) is not str and item is not None:
            raise _mismatch("a string", item, f".{name}")
    return {k: v for k, v in cookie.items() if k not in COOKIE_FIELDS and v is not None}


def _balance(value: Any, _type: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if type(value) is not dict:
        raise _mismatch("an object", value)
    tokens = value.get(TOKEN_KEY)
    if type(tokens) is int or type(tokens) is float or tokens is None:
        return value
    raise _mismatch("a number", tokens, f".{TOKEN_KEY}")


def _latest_created(value: Any, _type: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if type(value) is not dict:
        raise _mismatch("an object", value)
    created = value.get(TOKEN_KEY)
    if type(created) is not int or not 0 <= created <= _COMMON_ERA:  # rare: find out exactly
        _milliseconds(created, None, f".{TOKEN_KEY}")
    return value


_COMMON_ERA: Final = 253_402_300_799_999  # the last millisecond of the year 9999
_Hook = Callable[[Any, Any], Any]
_CHECKS: Final[dict[str, _Hook]] = {  # by attribute
    "email": _text,
    "cookie": _cookie,
    "max_jobs": _integer,
    "updated_at": _date_time,
    "token_expires_at": _date_time,
    "refresh_token_expires_at": _date_time,
    "balance": _balance,
    "latest_created_at_ms": _latest_created,
    "error": _text,
}
_IN_MILLISECONDS: Final = {  # some moments come as text and as a number: the number's field
    "updated": "updated_at",
    "tokenExpire": "token_expires_at",
    "refreshTokenExpire": "refresh_token_expires_at",
}
_STRUCTURED: Final = frozenset(WIRE_NAMES.values())
FIELDS: Final = _STRUCTURED | _IN_MILLISECONDS.keys()
_ABSENT: Final = dict.fromkeys(_STRUCTURED)  # a field that is absent counts as null


@functools.cache
def _structuring() -> Callable[[Any, Any], Account]:
    """Have cattrs write the function that structures the draft of an account.

    Importing cattrs and compiling what it writes is a third of the library's import time.
    """
    from cattrs import Converter  # noqa: PLC0415
    from cattrs.gen import make_dict_structure_fn, override  # noqa: PLC0415

    overrides: dict[str, Any] = {
        attribute: override(rename=WIRE_NAMES[attribute], struct_hook=check)
        for attribute, check in _CHECKS.items()
    }
    overrides["extra"] = override(omit=True)
    return make_dict_structure_fn(
        draft_of(Account), Converter(), _cattrs_detailed_validation=False, **overrides
    )


def prepare() -> None:
    """Compile the structuring function now, so that the first account does not wait for it."""
    _structuring()


def structure_account(wire: dict[str, Any], text: bytes | None = None) -> Account | list[str]:
    """Return the account, or a line for each field that is not as documented.

    The lines name the path and the type, never the value.

    Args:
        wire: the decoded JSON object.
        text: the JSON that it was decoded from, which the account keeps.
    """
    filled = _ABSENT | wire
    try:
        draft = _structuring()(filled, None)
        if len(filled) > len(_ABSENT):
            _add_the_rest(draft, wire)
    except _MismatchError:
        return _problems(wire)
    draft._wire = text  # noqa: SLF001 - still a draft
    return freeze(draft)


def _add_the_rest(draft: Any, wire: dict[str, Any]) -> None:
    """Add undocumented fields; a timestamp sent as a number replaces the one sent as text."""
    draft.extra = {name: wire[name] for name in wire if name not in FIELDS}
    for name, attribute in _IN_MILLISECONDS.items():
        moment = _milliseconds(wire.get(name), None)
        if moment is not None:
            setattr(draft, attribute, moment)


def _problems(wire: dict[str, Any]) -> list[str]:
    problems = []
    for name, check in _in_order():
        try:
            check(wire.get(name), None)
        except _MismatchError as error:
            problems.append(f"{name}{error.below}: {error}")
    return problems


def _in_order() -> Iterator[tuple[str, _Hook]]:
    """Yield the fields as they are documented, with their checks."""
    for attribute, check in _CHECKS.items():
        yield from (
            (name, _milliseconds) for name, of in _IN_MILLISECONDS.items() if of == attribute
        )
        yield WIRE_NAMES[attribute], check
