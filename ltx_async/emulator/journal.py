"""What the emulator remembers of its clients, in bounded memory."""

from collections import deque
from collections.abc import Mapping

from attrs import Factory, define, field, frozen


@frozen
class RecordedRequest:
    """One request as it arrived, and the status chosen for it.

    Attributes:
        method: the HTTP method.
        path: the raw request target, percent-encoding as sent.
        email: the decoded email of a lookup, else None.
        headers: the request headers; they hold the token, so `repr` leaves them out.
        status: the status of the answer; None for a connection closed or reset without one.
        arrived: seconds on the clock of `time.monotonic`.
    """

    method: str
    path: str
    email: str | None
    headers: Mapping[str, str] = field(repr=False)
    status: int | None
    arrived: float


@define
class Journal:
    """The latest requests, how many there were, and how often each email was asked for.

    Args:
        history: how many requests, and how many different emails, are remembered.
    """

    history: int
    total: int = 0
    requests: deque[RecordedRequest] = field(
        default=Factory(lambda self: deque(maxlen=self.history), takes_self=True), init=False
    )
    _counts: dict[str, int] = field(factory=dict, init=False)

    def add(self, request: RecordedRequest) -> None:
        """Remember `request`."""
        self.total += 1
        self.requests.append(request)
        if request.email is not None:
            self._count(request.email)

    def _count(self, email: str) -> None:
        count = self._counts.get(email)
        if count is not None:
            self._counts[email] = count + 1
        elif len(self._counts) < self.history:
            self._counts[email] = 1

    def count(self, email: str) -> int:
        """Return how often `email` was asked for.

        Raises:
            LookupError: it may have been asked for after the memory was full.
        """
        count = self._counts.get(email)
        if count is None and len(self._counts) >= self.history:
            raise LookupError(
                f"more than {self.history} different emails were asked for: raise history="
            )
        return count or 0
