"""What the values of options are: read from text, or refused with what to write instead."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import click

from ltx_async.models import Outcome

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST: Final = 999_999_999
_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|[smhdw])", re.ASCII)

FILE_NAME: Final = click.Path(allow_dash=True, readable=False)
"""A file name that shells complete; it is checked only when it is opened."""

Callback = Callable[[click.Context, click.Parameter, Any], Any]


def number(low: float = 0.0, *, above: bool = False) -> Callback:
    """Return a callback that reads a finite number of at least, or `above`, `low`."""

    def read(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < low or (above and value == low):
            relation = "above" if above else "of at least"
            raise click.BadParameter(f"{text!r} is not a number {relation} {low:g}.")
        return value

    return read


def duration(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> timedelta | None:
    """Read a time span such as `300`, `12h`, `7d`, `2w`."""
    return None if text is None else time_span(text)


def time_span(text: str, *, unit: str | None = "s") -> timedelta:
    """Read a time span as `parse_duration` does.

    Raises:
        click.BadParameter: the text has another form.
    """
    try:
        return parse_duration(text, unit=unit)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def seconds(*, above: bool = False, unit: str = "s") -> Callback:
    """Return a callback that reads a time span of at least, or `above`, 0 as seconds."""

    def read(_context: click.Context, _option: click.Parameter, text: str) -> float:
        value = time_span(text, unit=unit).total_seconds()
        if above and not value:
            raise click.BadParameter(f"{text!r} is not above 0.")
        return value

    return read


def parse_duration(text: str, *, unit: str | None = "s") -> timedelta:
    """Read a duration such as `90`, `90s`, `1.5m`, `12h`, `7d`, `2w`, `20ms`.

    Args:
        text: a number of at least 0, and what it counts.
        unit: what it counts where it does not say; None where it has to say.

    Raises:
        ValueError: the text has another form.
    """
    required = unit is None
    found = _DURATION.fullmatch(text.strip())
    number, unit = (text, unit) if found is None else found.groups()
    try:
        value = float(number) if text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MOST or unit is None:
        examples = "30s, 15m" if required else "30, 15m"
        raise ValueError(f"{text!r} is no duration; write for example {examples}, 12h, 7d or 2w")
    return timedelta(seconds=value * _UNITS[unit])


def outcomes(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> frozenset[Outcome]:
    """Read outcomes that are joined by commas; none where the option is not given."""
    return frozenset() if text is None else frozenset(map(Outcome, chosen(text, *Outcome)))


def chosen(text: str, *choices: str) -> frozenset[str]:
    """Read some of `choices` that are joined by commas.

    Raises:
        click.BadParameter: there is another name among them.
    """
    names = frozenset(name.strip() for name in text.split(","))
    if not names.issubset(choices):
        raise click.BadParameter(f"{text!r}: choose from {', '.join(choices)}.")
    return names


def outcome_names(_context: click.Context, _option: click.Parameter, typed: str) -> list[str]:
    """Complete the first outcome; the shells' scripts know no value with a comma in it."""
    return [name.value for name in Outcome if name.startswith(typed)]
