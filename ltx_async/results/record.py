"""One record of a result, whatever kind of file it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final, Self

from attrs import field, frozen

from ltx_async.codec.accounts import structure_account
from ltx_async.masking import mask_secrets
from ltx_async.models import (
    TOKEN_KEY,
    WIRE_NAMES,
    Account,
    Lookup,
    Outcome,
    figures_of,
    timestamp,
)
from ltx_async.reasons import Reason
from ltx_async.results.columns import COLUMNS, Columns, UnusableRecordError, values_of

_NO_WORD: Final = "the account is stored but broken, and the API does not say why"
_REAUTHENTICATION: Final = 596  # status that reports a lost sign-in without sending the account


def _masked(account: Mapping[str, Any] | None) -> str:
    return repr(mask_secrets(account))


@frozen(kw_only=True)
class Record(Columns):
    """What a run found out about one email: the columns of a table, and what only JSON keeps.

    Attributes:
        account: the JSON object of the account, secrets left out or masked; None where there was
            none, and where the file keeps only columns of it.
        hint: what to do about an error, one line.
        ray: the proxy's name of the reply, where that was an error.
    """

    account: Mapping[str, Any] | None = field(default=None, repr=_masked, hash=False)
    hint: str | None = None
    ray: str | None = None

    @classmethod
    def of_lookup(cls, lookup: Lookup) -> Self:
        """Keep of a lookup what files keep."""
        values: dict[str, Any] = {**lookup.to_row(), "outcome": lookup.outcome}
        if lookup.account is not None:
            return cls(**values, account=lookup.account.to_wire())
        return cls(
            **values,
            hint=None if lookup.error is None else lookup.error.hint,
            ray=getattr(lookup.error, "ray", None),
        )

    @classmethod
    def of_json(cls, record: Any) -> Self:
        """Take a decoded line of JSON Lines; fields that are not known are no matter.

        Raises:
            UnusableRecordError: it is no record of a lookup.
        """
        if not isinstance(record, dict):
            raise UnusableRecordError
        wire, error = record.get("account"), record.get("error")
        cells = {**record, **figures_of(_structured(wire))}
        if not isinstance(error, dict):
            return cls(**_explained(values_of(cells)), account=wire)
        cells["error_type"], cells["error"] = error.get("type"), error.get("message")
        return cls(
            **values_of(cells),
            account=wire,
            hint=_optional_text(error.get("hint")),
            ray=_optional_text(error.get("ray")),
        )

    @classmethod
    def of_cells(cls, cells: Mapping[str, Any], account: Mapping[str, Any] | None = None) -> Self:
        """Take the cells of a table by column; columns that are not known are no matter.

        Args:
            cells: an empty one says nothing, as a missing one.
            account: the JSON object of the account, where the table keeps it.

        Raises:
            UnusableRecordError: they are no record of a lookup.
        """
        return cls(**_explained(values_of(cells)), account=account)

    def forget_account(self) -> Self:
        """Drop the JSON of the account, to save memory where many records are kept; return self.

        The record changes, so nobody else may hold it yet.
        """
        object.__setattr__(self, "account", None)
        return self

    @property
    def reason(self) -> Reason | None:
        """Why the lookup failed; None for every other outcome."""
        if self.outcome is not Outcome.FAILED:
            return None
        return Reason(self.error_type or "", self.status, self.error or "", self.hint or "")

    def to_record(self) -> dict[str, Any]:
        """Return the JSON object of this record, like that of a `Lookup`.

        Where the file did not keep the account, `account` is what its columns tell of it.
        """
        account = self._known_account() if self.account is None else dict(self.account)
        error = {"type": self.error_type, "message": self.error, "hint": self.hint, "ray": self.ray}
        return {
            "email": self.email,
            "outcome": self.outcome.value,
            "status": self.status,
            "attempts": self.attempts,
            "elapsed_ms": self.elapsed_ms,
            "checked_at": timestamp(self.checked_at),
            "base_url": self.base_url,
            "account": account,
            "error": error if account is None else None,
        }

    def _known_account(self) -> dict[str, Any] | None:
        broken = self.outcome is Outcome.NEEDS_REAUTH and self.status != _REAUTHENTICATION
        if self.outcome is not Outcome.OK and not broken:
            return None
        known = {name: getattr(self, name) for name in WIRE_NAMES if name in COLUMNS}
        known["balance"] = None if self.balance is None else {TOKEN_KEY: self.balance}
        return Account(**known).to_wire()


def _explained(values: dict[str, Any]) -> dict[str, Any]:
    """Add the error that earlier versions did not write for every broken account."""
    if values["outcome"] is Outcome.NEEDS_REAUTH:
        values.setdefault("error_type", "ReauthenticationError")
        values.setdefault("error", _NO_WORD)
    return values


def _structured(wire: Any) -> Account:
    if wire is None:
        return Account()
    account = structure_account(wire) if isinstance(wire, dict) else None
    if not isinstance(account, Account):
        raise UnusableRecordError
    return account


def _optional_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


class Flaw(Enum):
    """What stands where a record should be."""

    UNUSABLE = auto()
    TORN = auto()
