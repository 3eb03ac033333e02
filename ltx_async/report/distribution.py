"""Percentiles and histograms with round bounds."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from attrs import frozen

_FAR_OFF: Final = ((99, 1.5), (90, 5.0))  # percentile, and how many times its reach is far
_WHOLE: Final = Fraction(1)
_FINEST: Final = Fraction(1, 100)  # bounds are shown with two decimals
_LARGEST: Final = 1e300


@frozen
class Bin:
    """How many values lie in `low` ≤ value < `high`; None stands for no bound."""

    low: float | None
    high: float | None
    count: int


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile (0 < percent ≤ 100) of ascending, not empty values."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def bins(values: Iterable[float], *, at_most: int) -> tuple[Bin, ...]:
    """Return a histogram of up to `at_most` (≥ 3) bins, 1, 2 or 5 · 10ⁿ wide.

    Few values far above the others do not flatten the rest: the last bin then has no upper
    bound. Bins are at least 0.01 wide, and 1 where all values are whole numbers; the empty
    ones between others are kept.
    """
    ordered = sorted(map(float, values))
    if not ordered:
        return ()
    low, tail = ordered[0], _tail(ordered)
    end = ordered[-1] if tail is None else tail
    if max(abs(low), abs(end)) > _LARGEST:
        return (Bin(None, None, len(ordered)),)
    width = _round_width(max(Fraction(end - low) / (at_most - 2), _finest(ordered, end)))
    bounds = _bounds(low, end, width)
    if len(bounds) - (tail is None) > at_most:  # what lies between them was rounded down
        bounds = _bounds(low, end, 2 * width)
    begins = [bisect_left(ordered, bound) for bound in bounds]
    highs: list[float | None] = [*bounds[1:]]
    if tail is not None:
        highs.append(None)
        begins.append(len(ordered))
    return tuple(
        Bin(least, high, end - begin)
        for least, high, (begin, end) in zip(bounds, highs, pairwise(begins), strict=False)
    )


def _tail(ordered: Sequence[float]) -> float | None:
    """Return the last value before few that lie far above the others; None without any."""
    low, top = ordered[0], ordered[-1]
    for percent, far in _FAR_OFF:
        tail = percentile(ordered, percent)
        if top - low > far * (tail - low) > 0:
            return tail
    return None


def _finest(ordered: Sequence[float], end: float) -> Fraction:
    """Return how wide a bin has to be at least, so that its bounds differ as numbers."""
    finest = _WHOLE if all(map(float.is_integer, ordered)) else _FINEST
    return max(finest, 2 * Fraction(math.ulp(max(abs(ordered[0]), abs(end)))))


def _round_width(least: Fraction) -> Fraction:
    """Return the least of 0.01, 0.02, 0.05, 0.1, … that is no less than `least` (≥ 0.01)."""
    power = _FINEST
    while power * 10 <= least:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least)


def _bounds(low: float, end: float, width: Fraction) -> list[float]:
    """Return multiples of `width`, from the last up to `low` to the first beyond `end`."""
    number = math.floor(Fraction(low) / width)
    bounds = [float(number * width)]
    while bounds[-1] <= end:
        number += 1
        bounds.append(float(number * width))
    return bounds
