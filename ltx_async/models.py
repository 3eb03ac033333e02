"""`Account`, `Cookie`, `Lookup`, `Outcome`, `Stats`: what a lookup gives."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy, deepcopy
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from attrs import NOTHING, field, fields, frozen, make_class

from ltx_async.errors import LTXError
from ltx_async.jsontext import decode
from ltx_async.masking import MASK, mask_secrets
from ltx_async.reasons import Reason

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN_KEY = "LTXStudio_token"  # noqa: S105 - the name of a balance, not a secret
COOKIE_FIELDS = ("lt_id", "lt_token", "lt_refresh_token")
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


class _AsItCame(_Referable):
    """What may have come as JSON: the text, which is no field, and of which nobody is shown."""

    __slots__ = ("_wire",)

    _wire: bytes | None


class Outcome(StrEnum):
    """What became of one email."""

    OK = "ok"
    NEEDS_REAUTH = "needs_reauth"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    FAILED = "failed"


def _masked(value: Mapping[str, Any]) -> str:
    return repr(mask_secrets(value))


class Cookie(_Referable):
    """The sign-in of an account at LTX Studio; its values never show in `repr`.

    The server masks `lt_token` and `lt_refresh_token` (`…secured…`), but its masking is not
    relied on. `cookie.lt_token` is the deliberate way to a value: what walks through objects,
    as `attrs.asdict` and `cattrs.unstructure` do, meets the cookie as a whole. What the reply
    did not say is None.
    """

    __slots__ = ("_extra", "_lt_id", "_lt_refresh_token", "_lt_token")

    def __init__(
        self,
        lt_id: str | None = None,
        lt_token: str | None = None,
        lt_refresh_token: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self._lt_id = lt_id
        self._lt_token = lt_token
        self._lt_refresh_token = lt_refresh_token
        self._extra: Mapping[str, str] = {} if extra is None else extra

    @property
    def lt_id(self) -> str | None:
        """The user's id."""
        return self._lt_id

    @property
    def lt_token(self) -> str | None:
        """The access token."""
        return self._lt_token

    @property
    def lt_refresh_token(self) -> str | None:
        """The refresh token."""
        return self._lt_refresh_token

    @property
    def extra(self) -> Mapping[str, str]:
        """Further values, by name."""
        return self._extra

    def __eq__(self, other: object) -> bool:
        return self._said() == other._said() if isinstance(other, Cookie) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._said()[:3])

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in COOKIE_FIELDS}
        shown = [f"{name}={None if value is None else MASK}" for name, value in values.items()]
        extra = ", ".join(f"{name!r}: {MASK}" for name in self.extra)
        return f"Cookie({', '.join(shown)}, extra={{{extra}}})"

    def __reduce__(self) -> tuple[type[Cookie], tuple[Any, ...]]:
        return Cookie, self._said()

    def _said(self) -> tuple[Any, ...]:
        return self._lt_id, self._lt_token, self._lt_refresh_token, self._extra

    def to_wire(self) -> dict[str, str]:
        """Return the JSON object that this cookie is, secrets and all."""
        said = {name: getattr(self, name) for name in COOKIE_FIELDS} | dict(self.extra)
        return {name: value for name, value in said.items() if value is not None}


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
        """Whether the account is stored but broken: somebody has to sign in again.

        An `error` without a word in it is none.
        """
        return self.error is not None and bool(self.error.strip())

    def to_wire(self, *, include_secrets: bool = False) -> dict[str, Any]:
        """Return the JSON object that came in, or that the fields of an account made by hand say.

        Args:
            include_secrets: return it to the letter. By default `cookie` is left out
                and strings under unknown keys that look secret are masked.
        """
        text = getattr(self, "_wire", None)
        wire = _said_by(self) if text is None else decode(text)
        if not include_secrets:
            wire.pop("cookie", None)
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


@frozen
class Lookup(_Referable):
    """What one position of the input led to.

    Exactly one of `account` and `error` is set: `account` when the reply was one. A pickle of
    it holds the cookie of the account and all that came: treat it as a secret, or send
    `to_record()`, which leaves these out.

    Attributes:
        index: position in the input, from 0.
        email: the address as it was given; what is no text, such as a blank
            of pandas, as its digits or its type.
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
            LTXError: a copy of the error of this lookup, where there is no account. The
                error itself gets no traceback, which would keep all that its frames hold.
        """
        if self.account is None:
            assert self.error is not None
            raise copy(self.error)
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

    @property
    def reason(self) -> Reason | None:
        """Why the lookup failed, as `Stats.reasons` counts it; None for every other outcome."""
        if self.error is None or self.outcome is not Outcome.FAILED:
            return None
        error = self.error
        return Reason(type(error).__name__, self.status, error.message, error.hint)

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
        reasons: how many lookups failed for each reason, the most frequent first: at most 50
            kinds, and the rest as `other`.
    """

    outcomes: Mapping[Outcome, int] = field(hash=False)
    requests: int
    retries: int
    throttles: int
    latency_p50: float | None
    latency_p99: float | None
    pace: float | None = None
    reasons: Mapping[Reason, int] = field(factory=dict, hash=False)


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
        "error": account.error if account.needs_reauth else None,
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
