"""The account as the rivals build it: checked strictly, with cattrs at its fastest setting.

Every rival that can run Python ends a lookup with ``structure``: equal work, so that the
difference that is measured is the way to the bytes. Types are never coerced and timestamps become
aware datetimes. It does less than ltx_async, which also keeps unknown fields and names the path
of what is wrong. Only the yardstick, which stands for what people write, ends with
``structure_as_usual``: cattrs as it comes.
"""

from datetime import datetime

from attrs import frozen
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override


@frozen
class Account:
    """The fields of the API's documented answer, all optional."""

    email: str | None = None
    cookie: dict[str, str] | None = None
    max_jobs: int | None = None
    updated_at: datetime | None = None
    token_expires_at: datetime | None = None
    balance: dict[str, int | float] | None = None
    latest_created_at_ms: dict[str, int] | None = None
    error: str | None = None


def structure(wire: object) -> Account:
    """Return the account in a decoded JSON object, or raise ``TypeError`` or ``ValueError``."""
    return _converter.structure(wire, Account)


@frozen
class UsualAccount:
    """The same fields under the names that they have in the reply."""

    email: str | None = None
    cookie: dict[str, str] | None = None
    maxJobs: int | None = None  # noqa: N815 - as in the reply
    updatedUTC: datetime | None = None  # noqa: N815
    tokenExpireUTC: datetime | None = None  # noqa: N815
    balance: dict[str, int | float] | None = None
    latestCreatedAtMs: dict[str, int] | None = None  # noqa: N815
    error: str | None = None


def structure_as_usual(wire: object) -> UsualAccount:
    """Return the account in a decoded JSON object by a default converter of cattrs."""
    return _usual.structure(wire, UsualAccount)


def is_account_reply(status: int, content_type: str | None) -> bool:
    """Tell whether a reply claims to be an account: status 200 and JSON."""
    return status == 200 and (content_type or "").startswith("application/json")


def _strict_text(value: object, _: object) -> str:
    if type(value) is str:
        return value
    raise TypeError("expected a string")


def _strict_integer(value: object, _: object) -> int:
    if type(value) is int:  # `isinstance` would let booleans pass
        return value
    raise TypeError("expected an integer")


def _strict_number(value: object, _: object) -> int | float:
    if type(value) is int or type(value) is float:
        return value
    raise TypeError("expected a number")


def _timestamp(value: object, _: object) -> datetime:
    return datetime.fromisoformat(_strict_text(value, str))


def _account_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(str, _strict_text)
    converter.register_structure_hook(int, _strict_integer)
    converter.register_structure_hook(int | float, _strict_number)
    converter.register_structure_hook(datetime, _timestamp)
    hook = make_dict_structure_fn(
        Account,
        converter,
        _cattrs_detailed_validation=False,
        max_jobs=override(rename="maxJobs"),
        updated_at=override(rename="updatedUTC"),
        token_expires_at=override(rename="tokenExpireUTC"),
        latest_created_at_ms=override(rename="latestCreatedAtMs"),
    )
    converter.register_structure_hook(Account, hook)
    return converter


def _usual_converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(datetime, _timestamp)
    converter.register_structure_hook(int | float, _strict_number)
    return converter


_converter = _account_converter()
_usual = _usual_converter()
