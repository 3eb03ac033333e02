"""How far apart the rounds of `watch` are."""

from __future__ import annotations

from typing import Final

_JITTER: Final = 0.1
_LEAST_REST: Final = 0.1


def rest(every: float, took: float, chance: float) -> float:
    """Return the seconds between the end of a round and the beginning of the next.

    Rounds begin `every` seconds apart, and up to a tenth of that later, so that many
    watchers do not ask in step. After a round that took longer, a tenth is left.

    Args:
        every: seconds from beginning to beginning, above 0.
        took: seconds that the last round took.
        chance: a random number from 0 to 1.
    """
    return max(every * (1 + _JITTER * chance) - took, every * _LEAST_REST)
