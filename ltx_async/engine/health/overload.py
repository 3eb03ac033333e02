"""When replies such as 503 are not one lookup's bad luck, but a throttle of all lookups."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from ltx_async.errors import LTXError, RateLimitError, ResponseError
from ltx_async.retry import OVERLOAD_STATUSES

_REPLIES: Final = 20
_MASK: Final = (1 << _REPLIES) - 1


@define(eq=False)
class Overload:
    """Remembers the last replies of a client, one bit each.

    Some servers throttle by 503 (nginx does unless configured otherwise), others send it only
    when something breaks. The share tells them apart: half of the last 20 replies mean a
    throttle. From then on each 503 counts as one, as long as the pace that was learned from
    them holds the client back.
    """

    _last: int = field(init=False, default=0)
    _throttles: bool = field(init=False, default=False)

    def note(self, error: LTXError | None, *, paced: bool = False) -> bool:
        """Note a reply, and return whether it is a throttle.

        Args:
            error: what was made of it, if that is an error.
            paced: whether a learned pace holds the client back.
        """
        if error is None:
            if self._last:
                self._last = self._last << 1 & _MASK
            return False
        overloaded = isinstance(error, ResponseError) and error.status in OVERLOAD_STATUSES
        self._last = (self._last << 1 | overloaded) & _MASK
        if not overloaded:
            return isinstance(error, RateLimitError)
        if self._last.bit_count() >= _REPLIES // 2:
            self._throttles = True
            return True
        return self._throttles and paced
