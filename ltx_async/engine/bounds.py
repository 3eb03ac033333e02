"""How long one lookup may take."""

from __future__ import annotations

from typing import Final

from attrs import Attribute, field, frozen

from ltx_async.errors import ConfigurationError
from ltx_async.retry import is_number

_LONGEST_WAIT: Final = 86_400 * 365


def _check_seconds(_bounds: Bounds, attribute: Attribute[float], value: float) -> None:
    if not is_number(value) or not 0 < value <= _LONGEST_WAIT:
        message = f"{attribute.name} must be a number of seconds above 0, not {value!r}"
        raise ConfigurationError(message, hint="A year, 31536000, is the most.")


@frozen
class Bounds:
    """How long a lookup may take, in seconds above 0 and up to a year.

    Attributes:
        timeout: for one attempt, the body included, counted from its slot on.
        deadline: for all of it, with its retries and waits.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    timeout: float = field(validator=_check_seconds)
    deadline: float = field(validator=_check_seconds)

    def but(self, timeout: float | None, deadline: float | None) -> Bounds:
        """Return these bounds with what one call sets otherwise; None leaves a bound alone."""
        if timeout is None and deadline is None:
            return self
        return Bounds(
            self.timeout if timeout is None else timeout,
            self.deadline if deadline is None else deadline,
        )
