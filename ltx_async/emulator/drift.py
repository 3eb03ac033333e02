"""Accounts that change while they are served, as real ones do, only faster."""

import math
import time
from collections.abc import Callable, Mapping
from itertools import islice
from random import Random
from typing import Any, Final

from attrs import frozen

from ltx_async.emulator.accounts import Account
from ltx_async.emulator.generated import DAY_MS, lose_sign_in, sign_in_anew, utc_text
from ltx_async.emulator.server import Emulator

_CAST: Final = 1000  # accounts that take part, so that a turn costs the same among a million
_REPAIRED: Final = 0.3
_MOST_IN_TROUBLE: Final = 0.2
_LOW: Final = 100
_TOKENS: Final = "LTXStudio_token"


@frozen
class Change:
    """What became of one account.

    Attributes:
        email: whose account.
        what: words for people, such as `sign-in lost`.
    """

    email: str
    what: str

    def __str__(self) -> str:
        return f"{self.email}: {self.what}"


class Drift:
    """Changes one account of an emulator at a turn, the same ones for the same seed.

    Most turns let a balance fall, a sign-in come to its end, or an account break; some repair
    what an earlier turn has done. At most a fifth of the accounts is in trouble at a time. Of
    many accounts only the first thousand take part.

    Args:
        emulator: whose accounts; it may run or not.
        seed: another seed gives other changes.
        clock: seconds since 1970, which the dates are relative to.
    """

    def __init__(
        self, emulator: Emulator, *, seed: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self._emulator = emulator
        self._random = Random(seed)
        self._clock = clock
        self._accounts = emulator.accounts
        self._first: dict[str, Account] = {}
        self._troubled: set[str] = set()

    def turn(self) -> Change | None:
        """Change one account, and say how; None when there is none that can be changed."""
        if self._emulator.accounts is not self._accounts:  # replaced: begin anew
            self._accounts = self._emulator.accounts
            self._first.clear()
            self._troubled.clear()
        cast = list(islice(self._accounts, _CAST))
        troubled = [email for email in cast if email in self._troubled]
        well = None if self._enough(len(troubled), len(cast)) else self._one_that_is_well(cast)
        if well is not None:
            return self._worsen(well)
        return self._repair(self._random.choice(troubled)) if troubled else None

    def _enough(self, troubled: int, cast: int) -> bool:
        repair = self._random.random() < _REPAIRED
        return troubled > 0 and (repair or troubled >= max(1.0, cast * _MOST_IN_TROUBLE))

    def _one_that_is_well(self, cast: list[str]) -> str | None:
        for email in self._random.sample(cast, len(cast)):
            account = self._accounts.get(email)
            if account is not None and email not in self._troubled and not account.get("error"):
                return email
        return None

    def _worsen(self, email: str) -> Change:
        account = dict(self._accounts.get(email) or {})
        self._first.setdefault(email, account.copy())
        turns = _TURNS if _balance(account) else _NO_SPENDING
        turn = self._random.choices([*turns], weights=[*turns.values()])[0]
        what, in_trouble = turn(account, self._random, int(self._clock() * 1000))
        if in_trouble:
            self._troubled.add(email)
        self._emulator.put(account, email=email)
        return Change(email, what)

    def _repair(self, email: str) -> Change:
        self._troubled.remove(email)
        account = dict(self._first[email])
        sign_in_anew(account, int(self._clock() * 1000))
        self._emulator.put(account, email=email)
        balance = _balance(account)
        return Change(
            email, "repaired" if balance is None else f"repaired, with a balance of {balance}"
        )


Turn = Callable[[dict[str, Any], Random, int], tuple[str, bool]]


def _balance(account: Account) -> float | None:
    tokens = _table(account, "balance").get(_TOKENS)
    return tokens if isinstance(tokens, int | float) and math.isfinite(tokens) else None


def _table(account: Account, name: str) -> dict[str, Any]:
    value = account.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _spend(account: dict[str, Any], random: Random, now_ms: int) -> tuple[str, bool]:
    return _fall(account, random.uniform(0.5, 0.95), now_ms)


def _spend_all(account: dict[str, Any], random: Random, now_ms: int) -> tuple[str, bool]:
    return _fall(account, random.uniform(0.0, 0.002), now_ms)


def _fall(account: dict[str, Any], share: float, now_ms: int) -> tuple[str, bool]:
    before = _balance(account) or 0
    after = int(before * share)
    account["balance"] = _table(account, "balance") | {_TOKENS: after}
    account["latestCreatedAtMs"] = _table(account, "latestCreatedAtMs") | {_TOKENS: now_ms}
    return f"balance fell from {before} to {after}", after < _LOW


def _end_soon(account: dict[str, Any], random: Random, now_ms: int) -> tuple[str, bool]:
    account.pop("refreshTokenExpire", None)
    ends = utc_text(now_ms + random.randrange(DAY_MS // 2, 6 * DAY_MS))
    account["refreshTokenExpireUTC"] = ends
    return f"sign-in ends on {ends[:10]}", True


def _lose(account: dict[str, Any], _random: Random, now_ms: int) -> tuple[str, bool]:
    lose_sign_in(account, now_ms)
    return "sign-in lost", True


_NO_SPENDING: Final[Mapping[Turn, int]] = {_end_soon: 1, _lose: 1}
_TURNS: Final[Mapping[Turn, int]] = {_spend: 3, _spend_all: 1, **_NO_SPENDING}
