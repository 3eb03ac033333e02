"""Percentiles and histograms with round bounds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

_TAIL: Final = 99
_FAR: Final = 1.5


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
    bound. Whole numbers get bins at least 1 wide; the empty bins between others are kept.
    """
    ordered = sorted(values)
    if not ordered:
        return ()
    low, top = float(ordered[0]), float(ordered[-1])
    tail = float(percentile(ordered, _TAIL))
    is_far = top - low > _FAR * (tail - low) > 0
    reach = (tail if is_far else top) - low
    if not math.isfinite(reach) or reach > 1e300:
        return (Bin(None, None, len(ordered)),)
    width = _round_width(reach / (at_most - 2))
    first = math.floor(low / width)
    last = math.floor((low + reach) / width)
    counts = Counter(min(math.floor(value / width), last + is_far) for value in ordered)
    return tuple(
        Bin(n * width, None if n > last else (n + 1) * width, counts[n])
        for n in range(first, last + is_far + 1)
    )


def _round_width(least: float) -> float:
    """Return the least of 1, 2, 5, 10, 20, … that is no less than `least`."""
    if least <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least)
