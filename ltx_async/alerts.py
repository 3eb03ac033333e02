"""Thresholds that users set, and the alerts of accounts beyond them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from ltx_async.models import Account

_SHOWN_UNITS: Final[tuple[tuple[int, str], ...]] = (
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
    (1, "second"),
)


@frozen
class Alert:
    """One reason to look at an account.

    Attributes:
        email: the account.
        reason: what is wrong, one line.
    """

    email: str
    reason: str


@frozen
class Thresholds:
    """What an account must not fall below; None asks for nothing.

    Attributes:
        min_balance: least LTX Studio tokens; an unknown balance raises no alert.
        expires_within: longest notice of the end of a sign-in.
    """

    min_balance: float | None = None
    expires_within: timedelta | None = None

    def __bool__(self) -> bool:
        return self.min_balance is not None or self.expires_within is not None

    def alerts(self, email: str, account: Account, now: datetime) -> Iterator[Alert]:
        """Return the alerts of one account, as of `now` (aware)."""
        balance = account.token_balance
        if self.min_balance is not None and balance is not None and balance < self.min_balance:
            yield Alert(email, f"balance {balance:,} is below {self.min_balance:,g}")
        if self.expires_within is not None and (found := _expiry(account)) is not None:
            what, moment = found
            if moment - now <= self.expires_within:
                yield Alert(email, f"{what} {_distance(moment - now)} ({moment:%Y-%m-%d})")


def _expiry(account: Account) -> tuple[str, datetime] | None:
    """Return what ends and when: the refresh token where it is known, as it needs a person."""
    if account.refresh_token_expires_at is not None:
        return "refresh token", account.refresh_token_expires_at
    if account.token_expires_at is not None:
        return "access token", account.token_expires_at
    return None


def _distance(delta: timedelta) -> str:
    seconds = round(abs(delta.total_seconds()))
    size, unit = next(item for item in _SHOWN_UNITS if seconds >= item[0] or item[0] == 1)
    amount = f"{seconds // size:,} {unit}{'' if seconds // size == 1 else 's'}"
    return f"expired {amount} ago" if delta < timedelta() else f"expires in {amount}"
