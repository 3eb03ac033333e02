"""Random faults, as many per cent of the lookups as asked for, repeatable by seed."""

import math
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from random import Random
from typing import Final

from ltx_async.emulator.steps import Close, Garbage, Reset, Slow, Status, Step, Truncate

_STEPS: Final[Mapping[str, Step]] = {
    "503": Status(503),
    "429": Status(429, headers={"Retry-After": "1"}),
    "522": Status(522),
    "596": Status(596),
    "404": Status(404),
    "reset": Reset(),
    "close": Close(),
    "truncate": Truncate(),
    "garbage": Garbage(),
    "html": Status.html(),
    "slow": Slow(),
    "redirect": Status.redirect(),
}
# Facts about an account: asking again changes nothing.
_LASTING: Final = ("596", "404")
_ALL: Final = 100.0

FAULT_KINDS: Final = tuple(_STEPS)
"""The kinds of random faults, in the order in which help texts list them."""


class RandomFaults:
    """Decides for each lookup whether it gets a fault, and which.

    596 and 404 depend on the email alone, so that a retry sees the same; the other kinds are
    drawn per request from one seeded sequence.

    Args:
        percents: percentage (0..100) of the lookups per kind; together at most 100.
        seed: the same seed and the same order of requests give the same faults.

    Raises:
        ValueError: an unknown kind, or percentages out of range.
    """

    def __init__(self, percents: Mapping[str, float], *, seed: int = 0) -> None:
        for kind, percent in percents.items():
            _check(kind, percent)
        if math.fsum(percents.values()) > _ALL:
            raise ValueError(
                f"the faults make more than 100 percent of the requests: {dict(percents)}"
            )
        self._seed = seed
        self._random = Random(seed)
        self._lasting = _ladder({kind: percents.get(kind, 0) for kind in _LASTING})
        passing = {kind: percent for kind, percent in percents.items() if kind not in _LASTING}
        self._passing = _ladder(passing)
        self._span = _ALL - sum(percents.get(kind, 0) for kind in _LASTING)

    def step_for(self, email: str) -> Step | None:
        """Return the fault that this request for `email` gets, or None."""
        if not self._passing and not self._lasting:
            return None
        return self._lasting_fault(email) or self._passing_fault()

    def _lasting_fault(self, email: str) -> Step | None:
        if not self._lasting:
            return None
        text = f"{self._seed}:{email}".encode(errors="surrogatepass")
        place = int.from_bytes(blake2b(text, digest_size=8).digest()) / 2**64 * _ALL
        return _rung(self._lasting, place)

    def _passing_fault(self) -> Step | None:
        # Drawn from what the lasting faults leave, so that each kind keeps its share of the whole.
        return _rung(self._passing, self._random.random() * self._span)


def _ladder(percents: Mapping[str, float]) -> tuple[tuple[float, Step], ...]:
    rungs: list[tuple[float, Step]] = []
    top = 0.0
    for kind, percent in percents.items():
        top += percent
        if percent:
            rungs.append((top, _STEPS[kind]))
    return tuple(rungs)


def _rung(ladder: tuple[tuple[float, Step], ...], place: float) -> Step | None:
    return next((step for top, step in ladder if place < top), None)


def _check(kind: str, percent: float) -> None:
    if kind not in _STEPS:
        raise ValueError(f"unknown fault kind {kind!r}: choose from {', '.join(FAULT_KINDS)}")
    if not 0 <= percent <= _ALL:
        raise ValueError(f"fault {kind}: the percentage must be from 0 to 100, not {percent}")


def parse_faults(texts: Iterable[str]) -> dict[str, float]:
    """Read `KIND=PERCENT` texts, such as `503=10` or `reset=2.5`, into percentages by kind.

    Raises:
        ValueError: a text of another form, an unknown kind, a percentage that is no number from
            0 to 100, or a kind given twice; says what to write instead.
    """
    percents: dict[str, float] = {}
    for text in texts:
        kind, percent = _parse_fault(text)
        if kind in percents:
            raise ValueError(f"fault {kind} is given twice: give each kind once")
        percents[kind] = percent
    return percents


def _parse_fault(text: str) -> tuple[str, float]:
    kind, equals, number = text.partition("=")
    try:
        percent = float(number)
    except ValueError:
        percent = math.nan
    if not equals or math.isnan(percent):
        raise ValueError(f"fault {text!r} is not KIND=PERCENT: write for example 503=10")
    _check(kind, percent)
    return kind, percent
