"""`Account`: what the API says of one LTX Studio account."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from reprlib import Repr
from typing import Any, Final

from attrs import field, fields, frozen

from ltx_async.jsontext import decode_again, encode
from ltx_async.masking import mask_secrets
from ltx_async.models.cookie import Cookie
from ltx_async.models.drafts import Referable
from ltx_async.models.moments import EPOCH, timestamp

_LONGEST_SHOWN: Final = 80  # characters of a text in a `repr`
LARGE: Final = 16 << 10
"""Bytes of an account's JSON that take up to 8 ms to mask and encode."""
TOKEN_KEY = "LTXStudio_token"  # noqa: S105 - the name of a balance, not a secret
WIRE_NAMES = {
    "email": "email",
    "cookie": "cookie",
    "max_jobs": "maxJobs",
    "updated_at": "updatedUTC",
    "token_expires_at": "tokenExpireUTC",
    "refresh_token_expires_at": "refreshTokenExpireUTC",
    "balance": "balance",
    "latest_created_at_ms": "latestCreatedAtMs",
    "error": "error",
}
"""What the API calls an attribute of `Account`; of a moment, the field that is text."""
Value = str | float | datetime | None
"""What a row of a table holds: text, a number, an aware moment, nothing."""


class _AsItCame(Referable):
    """Keeps the JSON text that an account came as, and the one that outputs hold, once it is made.

    Neither is a field, and neither is ever shown.
    """

    __slots__ = ("_shown", "_wire")

    _shown: bytes
    _wire: bytes | None


def _brief(value: object) -> str:
    """Return a `repr` of bounded length, however much a server has said."""
    short = Repr()
    short.maxstring = short.maxother = _LONGEST_SHOWN
    short.maxdict, short.maxlist, short.maxlevel = 6, 3, 3
    return short.repr(value)


def _masked(value: Mapping[str, Any] | None) -> str:
    return _brief(mask_secrets(value))


@frozen
class Account(_AsItCame):
    """One LTX Studio account as the API describes it; every field may be None.

    A pickle of it holds the cookie and all that came: treat it as a secret.

    Attributes:
        email: the address, as the server spells it.
        cookie: the sign-in; masked in every text form.
        max_jobs: parallel jobs allowed, documented as 1 to 100.
        updated_at: last change of the configuration, aware, UTC.
        token_expires_at: end of the access token (about 30 days, renewed by the service).
        refresh_token_expires_at: end of the sign-in (about 3 months, then a person is needed).
        balance: what is left, by kind; absent from the list call.
        latest_created_at_ms: last use by kind, epoch milliseconds.
        error: why the account is stored but broken; None, or blank, where it is well.
        extra: fields that this version does not know.
    """

    email: str | None = field(default=None, repr=_brief)
    cookie: Cookie | None = None
    max_jobs: int | None = None
    updated_at: datetime | None = None
    token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    balance: Mapping[str, Any] | None = field(default=None, repr=_masked, hash=False)
    latest_created_at_ms: Mapping[str, Any] | None = field(default=None, repr=_masked, hash=False)
    error: str | None = field(default=None, repr=_brief)
    extra: Mapping[str, Any] = field(factory=dict, repr=_masked, hash=False)

    @property
    def token_balance(self) -> float | None:
        """LTX tokens left, None where the reply did not say."""
        return None if self.balance is None else self.balance.get(TOKEN_KEY)

    @property
    def latest_created_at(self) -> datetime | None:
        """When the tokens were last used, aware, UTC; None where the reply did not say."""
        created = (self.latest_created_at_ms or {}).get(TOKEN_KEY)
        return None if created is None else EPOCH + timedelta(milliseconds=created)

    @property
    def needs_reauth(self) -> bool:
        """Whether the account is stored but broken: somebody has to sign in again.

        An `error` without a word in it is none.
        """
        return self.error is not None and bool(self.error.strip())

    def to_wire(self, *, include_secrets: bool = False) -> dict[str, Any]:
        """Return the JSON object that came in, or that the fields of an account made by hand say.

        Args:
            include_secrets: return it to the letter. By default `cookie` is left out
                and strings under keys that look secret are masked; numbers never are.
        """
        text = getattr(self, "_wire", None)
        wire = _said_by(self) if text is None else decode_again(text)
        if not include_secrets:
            wire.pop("cookie", None)
            if _holds_text(self.balance):
                wire["balance"] = mask_secrets(self.balance)
            if _holds_text(self.latest_created_at_ms):
                wire["latestCreatedAtMs"] = mask_secrets(self.latest_created_at_ms)
            if self.extra:
                wire.update(mask_secrets(self.extra))
        return wire

    def __getstate__(self) -> dict[str, Any]:
        """Keep the fields and, unless it was made by hand, what came."""
        state = {one.name: getattr(self, one.name) for one in fields(Account)}
        return state | {"_wire": getattr(self, "_wire", None)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what `__getstate__` kept."""
        for name, value in state.items():
            object.__setattr__(self, name, value)


def octets_of(account: Account) -> int:
    """Return how many octets of JSON an account came as; 0 of one that was made by hand."""
    text: bytes | None = getattr(account, "_wire", None)
    return 0 if text is None else len(text)


def _holds_text(figures: Mapping[str, Any] | None) -> bool:
    """Whether there may be text among figures by kind; the documented ones are numbers."""
    if figures is not None:
        for value in figures.values():
            if type(value) is not int and type(value) is not float:
                return True
    return False


def make_shown(account: Account) -> None:
    """Encode a large account for the next `take_shown`, such as in a thread."""
    object.__setattr__(account, "_shown", encode(account.to_wire(), gently=True))


def take_shown(account: Account) -> bytes | None:
    """Return the JSON of `to_wire()` where `make_shown` has made it, and keep it no longer."""
    if octets_of(account) < LARGE:  # found out in a third of the time
        return None
    shown = getattr(account, "_shown", None)
    if shown is not None:
        object.__delattr__(account, "_shown")
    return shown


def _said_by(account: Account) -> dict[str, Any]:
    """Return the JSON object that the fields of an account amount to."""
    said: dict[str, Any] = {}
    for attribute, name in WIRE_NAMES.items():
        value = getattr(account, attribute)
        if isinstance(value, datetime):
            said[name] = timestamp(value.astimezone(UTC))
        elif isinstance(value, Cookie):
            said[name] = value.to_wire()
        elif value is not None:
            said[name] = deepcopy(value)
    return said | deepcopy(dict(account.extra))


NOTHING_KNOWN: Final = Account()


def fault_of(account: Account) -> str | None:
    """Return why an account is stored but broken; None where it is well."""
    return account.error if account.needs_reauth else None


def figures_of(account: Account) -> dict[str, Value]:
    """Return what a row tells of an account, by column.

    A broken account gets the error type of a 596, the API's other way to report a lost sign-in.
    """
    return {
        "balance": account.token_balance,
        "max_jobs": account.max_jobs,
        "updated_at": account.updated_at,
        "token_expires_at": account.token_expires_at,
        "refresh_token_expires_at": account.refresh_token_expires_at,
        "error_type": "ReauthenticationError" if account.needs_reauth else None,
        "error": fault_of(account),
    }
