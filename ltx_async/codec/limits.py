"""The limits that a server states: `RateLimit`, `RateLimit-Policy` and their older forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_HEADERS: Final = (
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
_NUMBER: Final = "([0-9]{1,13}(?:[.][0-9]{1,9})?)"
_WHOLE: Final = re.compile(_NUMBER)
_LONGEST_WINDOW: Final = 3600.0  # seconds; a daily quota is a budget and says nothing about pace
_MOST: Final = 32
_EPOCH: Final = 1e9  # a larger number is a moment since the epoch, in seconds or milliseconds
_MILLISECONDS: Final = 1e11


def stated_rate(headers: Mapping[str, str]) -> float | None:
    """Return the requests per second that the policy of a server allows, None without one.

    That is the quota `q` over the window `w` of `RateLimit-Policy` (IETF draft
    "RateLimit header fields for HTTP", 3), or of its older form `100;w=60`. Of several
    policies, the one with the shortest window counts. Junk counts as absent.

    Args:
        headers: lower-case names; a repeated header's values joined with `, `.
    """
    shortest: tuple[float, float] | None = None
    for policy in _first(headers.get("ratelimit-policy", ""), ","):
        window = _parameter(policy, "w")
        quota = _parameter(policy, "q")
        if quota is None:
            quota = _number(policy.partition(";")[0])
        if quota and window and window <= _LONGEST_WINDOW:
            shortest = min(shortest or (window, quota), (window, quota))
    return None if shortest is None else shortest[1] / shortest[0]


def stated_reset(headers: Mapping[str, str], moment: float) -> float | None:
    """Return the seconds until requests are allowed again; None if no header says they are not.

    Args:
        headers: lower-case names.
        moment: when the reply was made, in seconds since the epoch.
    """
    for limit in _first(headers.get("ratelimit", ""), ","):
        seconds = _parameter(limit, "t")
        if _parameter(limit, "r") == 0 and seconds is not None:
            return seconds
    for prefix in ("ratelimit", "x-ratelimit"):
        seconds = _number(headers.get(f"{prefix}-reset", ""))
        if seconds is not None and _number(headers.get(f"{prefix}-remaining", "0")) == 0:
            return _until(seconds, moment)
    return None


def _until(reset: float, moment: float) -> float:
    if reset >= _MILLISECONDS:
        reset /= 1000
    return max(0.0, reset - moment) if reset >= _EPOCH else reset


def _first(text: str, mark: str) -> list[str]:
    """Return the first members of a list; a server has no reason to state more of them."""
    return text.split(mark, _MOST)[:_MOST]


def _parameter(text: str, name: str) -> float | None:
    for part in _first(text, ";")[1:]:
        key, _, value = part.partition("=")
        if key.strip() == name:
            return _number(value)
    return None


def _number(text: str) -> float | None:
    return float(text) if _WHOLE.fullmatch(text := text.strip()) else None
