"""`Account`, `Cookie`, `Lookup`, `Outcome`, `Stats`: what a lookup gives, without wire names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from attrs import NOTHING, field, fields, frozen, make_class

from ltx_async.errors import LTXError

MASK = "***"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN_KEY = "LTXStudio_token"  # noqa: S105 - the name of a balance, not a secret
_ANYWHERE = "token|secret|password|jwt|session|auth|cookie"
_AS_WORDS = (
    "(?:api|access|refresh|private)?keys?|bearer|pwd|passwd|pass|credentials?|sid|signatures?"
    "|otp|pin|csrf"
)
_EDGE = (  # of a word: `x-api-key`, `apiKey`, `APIKey`, `APIkey`
    "(?:(?<![A-Za-z])|(?![A-Za-z])|(?<=[a-z])(?=[A-Z])"
    "|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Z][A-Z])(?=[a-z]))"
)
_SECRET_NAME = re.compile(f"(?i:{_ANYWHERE})|{_EDGE}(?i:{_AS_WORDS}){_EDGE}")
_NAMES = frozenset({"name", "key", "header"})
_VALUES = frozenset({"value", "values"})
_NO_WORD = "the account is stored but broken, and the API does not say why"
Value = str | float | datetime | None
"""What a row of a table holds: text, a number, an aware moment, nothing."""
T = TypeVar("T")


def draft_of(value: type[T]) -> type[T]:
    """Return a mutable twin of a frozen attrs class, for where very many are made.

    The `__init__` of a frozen class has to work around its own `__setattr__`, field by
    field. A draft is filled by plain assignment, in a third of the time, and `freeze` then
    makes it a `value` for good. It has to be told every field but those of a factory:
    what is optional costs time as well.
    """
    names = {
        one.name: field(
            default=NOTHING if one.default is None else one.default,
            alias=one.alias,
            kw_only=one.kw_only,
            repr=one.repr,
        )
        for one in fields(value)  # type: ignore[arg-type]
    }
    return make_class(
        f"{value.__name__}Draft",
        names,
        bases=value.__bases__,
        class_body={"frozen_class": value},
        slots=True,
        eq=False,
    )


def freeze(draft: T) -> T:
    """Make a draft the value that it is a draft of, and return it.

    Python lets an object change its class where both lay out the same slots above the same
    base; that costs a fraction of copying the fields over.
    """
    draft.__class__ = draft.frozen_class  # type: ignore[attr-defined]
    return draft


class _Referable:
    """What can be referred to weakly: in a base, so that a value and its draft share the slot."""

    __slots__ = ("__weakref__",)


class Outcome(StrEnum):
    """What became of one email."""

    OK = "ok"
    NEEDS_REAUTH = "needs_reauth"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    FAILED = "failed"


def mask_secrets(value: Any, *, secret: bool = False) -> Any:
    """Return a copy of decoded JSON with the strings below secret-looking keys masked.

    A key looks secret when it contains token, secret, password, jwt, session, auth or cookie,
    or when one of its words is key, bearer, pwd, passwd, pass, credential, sid, signature, otp,
    pin or csrf, whatever its case and however deep it lies. Of a pair such as
    `{"name": "Authorization", "value": ...}` it is the name that counts. Numbers stay as they are.
    """
    if isinstance(value, Mapping):
        named = _names_a_secret(value)
        return {
            key: mask_secrets(
                item,
                secret=secret
                or _SECRET_NAME.search(key) is not None
                or (named and key.lower() in _VALUES),
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [mask_secrets(item, secret=secret) for item in value]
    return MASK if secret and isinstance(value, str) else value


def _names_a_secret(pair: Mapping[str, Any]) -> bool:
    """Whether an object says the name of a secret, as the one that holds a header does."""
    return any(
        key.lower() in _NAMES and isinstance(name, str) and _SECRET_NAME.search(name)
        for key, name in pair.items()
    )


def _presence(value: object) -> str:
    return "None" if value is None else MASK


def _names(value: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: {MASK}" for name in value) + "}"


def _masked(value: Mapping[str, Any]) -> str:
    return repr(mask_secrets(value))


@frozen
class Cookie(_Referable):
    """The sign-in of an account at LTX Studio; its values never show in `repr`.

    The server masks `lt_token` and `lt_refresh_token` (`…secured…`), but its
    masking is not relied on. `cookie.lt_token` is the deliberate way to a value.
    """

    lt_id: str | None = field(default=None, repr=_presence)
    lt_token: str | None = field(default=None, repr=_presence)
    lt_refresh_token: str | None = field(default=None, repr=_presence)
    extra: Mapping[str, str] = field(factory=dict, repr=_names, hash=False)


@frozen
class Account(_Referable):
    """One LTX Studio account as the API describes it; every field may be None.

    Attributes:
        email: the address, as the server spells it.
        cookie: the sign-in; masked in every text form.
        max_jobs: parallel jobs allowed, documented as 1 to 100.
        updated_at: last change of the configuration, aware, UTC.
        token_expires_at: end of the access token (about 30 days, renewed by the service).
        refresh_token_expires_at: end of the sign-in (about 3 months, then a person is needed).
        balance: what is left, by kind; absent from the list call.
        latest_created_at_ms: last use by kind, epoch milliseconds.
        error: why the account is stored but broken; None where it is well.
        extra: fields that this version does not know.
    """

    email: str | None = None
    cookie: Cookie | None = None
    max_jobs: int | None = None
    updated_at: datetime | None = None
    token_expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    balance: Mapping[str, Any] | None = field(default=None, hash=False)
    latest_created_at_ms: Mapping[str, Any] | None = field(default=None, hash=False)
    error: str | None = None
    extra: Mapping[str, Any] = field(factory=dict, repr=_masked, hash=False)
    _wire: Mapping[str, Any] = field(factory=dict, repr=False, eq=False, kw_only=True)

    @property
    def token_balance(self) -> float | None:
        """LTX Studio tokens left, None where the reply did not say."""
        return None if self.balance is None else self.balance.get(TOKEN_KEY)

    @property
    def latest_created_at(self) -> datetime | None:
        """When the tokens were last used, aware, UTC; None where the reply did not say."""
        created = (self.latest_created_at_ms or {}).get(TOKEN_KEY)
        return None if created is None else EPOCH + timedelta(milliseconds=created)

    @property
    def needs_reauth(self) -> bool:
        """Whether the account is stored but broken: somebody has to sign in again."""
        return self.error is not None

    def to_wire(self, *, include_secrets: bool = False) -> dict[str, Any]:
        """Return a copy of the JSON object that came in; `{}` for an account made by hand.

        Args:
            include_secrets: return it to the letter. By default `cookie` is left out
                and strings under unknown keys that look secret are masked.
        """
        if include_secrets:
            return deepcopy(dict(self._wire))
        shown = {
            name: deepcopy(value) if isinstance(value, dict | list) else value
            for name, value in self._wire.items()
            if name != "cookie"
        }
        shown.update(mask_secrets(self.extra))
        return shown


@frozen
class Lookup(_Referable):
    """What one position of the input led to.

    Exactly one of `account` and `error` is set: `account` when the reply was one.

    Attributes:
        index: position in the input, from 0.
        email: the address as it was given.
        outcome: what became of it.
        account: the account of an `ok` or `needs_reauth` reply.
        error: why there is no account.
        status: HTTP status of the last reply, None where none came.
        attempts: how often it was tried, retries and throttles included.
        elapsed: seconds from the first attempt to the result, waits included.
        checked_at: when the result was known, aware, UTC.
    """

    index: int
    email: str
    outcome: Outcome
    account: Account | None
    error: LTXError | None
    status: int | None
    attempts: int
    elapsed: float
    checked_at: datetime

    def unwrap(self) -> Account:
        """Return the account, broken ones included.

        Raises:
            LTXError: the error of this lookup, where there is no account.
        """
        if self.account is None:
            assert self.error is not None
            raise self.error
        return self.account

    def to_record(self) -> dict[str, Any]:
        """Return the JSON object that `check` writes as a line; secrets are left out or masked.

        `docs/data.md` says what its fields mean, `results/record.schema.json` what they hold.
        """
        return {
            "email": self.email,
            "outcome": self.outcome.value,
            "status": self.status,
            "attempts": self.attempts,
            "elapsed_ms": round(self.elapsed * 1000, 1),
            "checked_at": timestamp(self.checked_at),
            "account": None if self.account is None else self.account.to_wire(),
            "error": None if self.error is None else _error_of(self.error),
        }

    def to_row(self) -> dict[str, Value]:
        """Return one flat row for a table or a data frame: the columns of `check -o OUT.csv`.

        Moments are aware datetimes in UTC, numbers are numbers, and there is no cookie.
        """
        row = {
            "email": self.email,
            "outcome": self.outcome.value,
            "status": self.status,
            **figures_of(self.account or _UNKNOWN),
            "attempts": self.attempts,
            "elapsed_ms": round(self.elapsed * 1000, 1),
            "checked_at": self.checked_at,
        }
        if self.error is not None:
            row["error_type"], row["error"] = type(self.error).__name__, self.error.message
        return row


CookieDraft: type[Cookie] = draft_of(Cookie)
LookupDraft: type[Lookup] = draft_of(Lookup)


@frozen
class Stats:
    """Where a run stands.

    Attributes:
        outcomes: lookups finished so far, by outcome; every outcome is a key.
        requests: requests sent, retries and replaced connections included; an attempt
            that found no connection sent none.
        retries: attempts after the first that were no answer to a throttle.
        throttles: replies that asked everybody to slow down: 429, or 503 in numbers.
        latency_p50: median seconds of an attempt that got a reply (within 5 %), None before one.
        latency_p99: likewise, the 99th percentile.
        pace: requests per second that the server seems to allow; None before a throttle.
    """

    outcomes: Mapping[Outcome, int] = field(hash=False)
    requests: int
    retries: int
    throttles: int
    latency_p50: float | None
    latency_p99: float | None
    pace: float | None = None


_UNKNOWN = Account()


def figures_of(account: Account) -> dict[str, Value]:
    """Return what a row tells of an account, by column.

    A broken account has the type of error that the API's other way to say so, a 596, leads to.
    """
    return {
        "balance": account.token_balance,
        "max_jobs": account.max_jobs,
        "updated_at": account.updated_at,
        "token_expires_at": account.token_expires_at,
        "refresh_token_expires_at": account.refresh_token_expires_at,
        "error_type": "ReauthenticationError" if account.needs_reauth else None,
        "error": _NO_WORD if account.error == "" else account.error,
    }


def trouble_of(lookup: Lookup) -> str | None:
    """Return what is wrong in a line: the error, or a broken account's own; None if nothing."""
    if lookup.error is not None:
        return lookup.error.message
    return None if lookup.account is None else lookup.account.error


def _error_of(error: LTXError) -> dict[str, str | None]:
    return {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "ray": getattr(error, "ray", None),
    }


def timestamp(moment: datetime) -> str:
    """Return an aware UTC moment as ISO 8601 with milliseconds and `Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
