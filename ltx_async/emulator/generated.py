"""Accounts made up from a seed, each computed when it is asked for."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

DAY_MS: Final = 24 * 60 * 60 * 1000
# The lives of the access token and of the cookie that renews it, as the vendor describes them.
_TOKEN_LIFE_MS: Final = 30 * DAY_MS
_SIGN_IN_LIFE_MS: Final = 90 * DAY_MS
_EPOCH: Final = date(1970, 1, 1)
_DATES: Final = (
    *("tokenExpire", "tokenExpireUTC", "refreshTokenExpire", "refreshTokenExpireUTC"),
    *("updated", "updatedUTC"),
)
_ONLY_SIGNED_IN: Final = (*_DATES[:4], "balance", "latestCreatedAtMs")
_SECURED: Final = "…secured…"
_MOST_DIGITS: Final = 18  # int() is slow on thousands


class GeneratedAccounts(Mapping[str, dict[str, Any]]):
    """`count` accounts `user000001@example.com` … in the shape of the API's answer to a lookup.

    The same arguments always give the same accounts. Nothing is kept: an account is computed
    when it is looked up, so a million of them cost no memory.

    Args:
        count: how many accounts; the first is number 1.
        seed: another seed gives other balances, dates and ids under the same emails.
        unhealthy: percentage (0..100) of the accounts with a trouble: the sign-in lost, the
            sign-in about to expire, the access token expired, or hardly any balance left.
        now: an aware datetime that the dates are relative to; the current time by default.

    Raises:
        ValueError: a negative `count`, a percentage outside its range, a naive `now`.
    """

    def __init__(
        self,
        count: int,
        *,
        seed: int = 0,
        unhealthy: float = 0.0,
        now: datetime | None = None,
    ) -> None:
        if count < 0:
            raise ValueError(f"count must be 0 or more, not {count}")
        if not 0 <= unhealthy <= 100:
            raise ValueError(f"unhealthy is a percentage from 0 to 100, not {unhealthy}")
        if now is not None and now.tzinfo is None:
            raise ValueError("now must be an aware datetime, for example datetime.now(UTC)")
        self._count = count
        self._seed = seed
        self._unhealthy = unhealthy
        self._now_ms = int((now or datetime.now(UTC)).timestamp() * 1000)

    def __getitem__(self, email: str) -> dict[str, Any]:
        """Compute the account of `email`."""
        number = self._number_of(email)
        if number is None:
            raise KeyError(email)
        return self._account(number)

    def __contains__(self, email: object) -> bool:
        """Tell whether `email` is one of the generated ones, without computing its account."""
        return isinstance(email, str) and self._number_of(email) is not None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the emails in order of their number."""
        return map(_email_of, range(1, self._count + 1))

    def __len__(self) -> int:
        """Return how many accounts there are."""
        return self._count

    def _number_of(self, email: str) -> int | None:
        digits = email[len("user") : -len("@example.com")]
        if len(digits) > _MOST_DIGITS or not digits.isdecimal():
            return None
        number = int(digits)
        return number if number <= self._count and number and _email_of(number) == email else None

    def _account(self, number: int) -> dict[str, Any]:
        digest = blake2b(b"%d:%d" % (self._seed, number), digest_size=16).digest()
        dice, trouble = divmod(int.from_bytes(digest), 1_000_000)
        dice, age = divmod(dice, 10 * DAY_MS)
        dice, sign_in_age = divmod(dice, 35 * DAY_MS)
        dice, balance = divmod(dice, 4_900)
        updated = self._now_ms - age
        account = {
            "email": _email_of(number),
            "cookie": {
                "lt_id": f"user{dice % 1_000_000:06d}",
                "lt_token": _SECURED,
                "lt_refresh_token": _SECURED,
            },
            "maxJobs": 20,
            "updatedUTC": utc_text(updated),
            "tokenExpireUTC": utc_text(updated + _TOKEN_LIFE_MS),
            "refreshTokenExpireUTC": utc_text(updated - sign_in_age + _SIGN_IN_LIFE_MS),
            "balance": {"LTXStudio_token": 100 + balance},
            "latestCreatedAtMs": {"LTXStudio_token": updated - age},
        }
        if trouble < self._unhealthy * 10_000:
            _TROUBLES[trouble % len(_TROUBLES)](account, self._now_ms)
        return account


def _email_of(number: int) -> str:
    return f"user{number:06d}@example.com"


def utc_text(epoch_ms: int) -> str:
    """Write a moment as the API does, in milliseconds and UTC."""
    days, milliseconds = divmod(epoch_ms, DAY_MS)
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day_text(days)}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z"


@lru_cache(maxsize=256)  # the days of all accounts are within half a year
def _day_text(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


def lose_sign_in(account: dict[str, Any], _now_ms: int) -> None:
    """Break `account`, as the API tells of one whose sign-in has ended."""
    for name in _ONLY_SIGNED_IN:
        account.pop(name, None)
    account["error"] = "Session refresh failed, manual update required"


def sign_in_anew(account: dict[str, Any], now_ms: int) -> None:
    """Repair `account`, as a person does who signs in again."""
    for name in ("error", *_DATES):
        account.pop(name, None)
    account["updatedUTC"] = utc_text(now_ms)
    account["tokenExpireUTC"] = utc_text(now_ms + _TOKEN_LIFE_MS)
    account["refreshTokenExpireUTC"] = utc_text(now_ms + _SIGN_IN_LIFE_MS)


def _let_sign_in_end_soon(account: dict[str, Any], now_ms: int) -> None:
    account["refreshTokenExpireUTC"] = utc_text(now_ms + 3 * DAY_MS)


def _let_token_expire(account: dict[str, Any], now_ms: int) -> None:
    account["updatedUTC"] = utc_text(now_ms - DAY_MS - _TOKEN_LIFE_MS)
    account["tokenExpireUTC"] = utc_text(now_ms - DAY_MS)


def _spend_balance(account: dict[str, Any], _now_ms: int) -> None:
    account["balance"]["LTXStudio_token"] %= 10


_TROUBLES: Final[tuple[Callable[[dict[str, Any], int], None], ...]] = (
    lose_sign_in,
    _let_sign_in_end_soon,
    _let_token_expire,
    _spend_balance,
)
