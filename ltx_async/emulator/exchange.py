"""A request as the rules see it, and what was decided to answer it with."""

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from ltx_async.emulator.steps import Close, Delay, Garbage, Reset, Status, Step, as_step

# Replies with these statuses have no body, or are framed otherwise (RFC 9110 8.6 and 15).
_FRAMED_OTHERWISE = frozenset({204, 205, 304})


@frozen
class Request:
    """What a client asked, however it was read off the wire.

    Attributes:
        method: the HTTP method.
        target: the raw request target, percent-encoding as sent.
        headers: by name, whatever its case.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@frozen
class Listing:
    """A JSON object that is written piece by piece, as it may hold a million accounts."""

    pieces: Iterable[bytes]
    status: int = 200

    def whole(self) -> Status:
        """Return the same answer in one piece."""
        return Status(self.status, b"".join(self.pieces))


Answer = Status | Listing


@frozen
class Exchange:
    """What one request is answered with.

    Attributes:
        step: takes the place of the true answer, unless it is None.
        answer: the true answer.
        latency: seconds that it is held back.
    """

    step: Step | None
    answer: Answer
    latency: float = 0.0

    @property
    def status(self) -> int | None:
        """The status a client is going to see, None where there is none to see."""
        return _status_of(self.step, self.answer)

    @property
    def plain(self) -> Status | None:
        """What can be written at once and as it stands, None when the answer takes more."""
        said = self.answer if self.step is None else self.step
        if self.latency or not isinstance(said, Status) or said.headers:
            return None
        return said if said.status >= 200 and said.status not in _FRAMED_OTHERWISE else None


def _status_of(step: Step | None, answer: Answer) -> int | None:
    match step:
        case Status():
            return step.status
        case Close() | Reset() | Garbage():
            return None
        case Delay() if step.then is not None:
            return _status_of(as_step(step.then), answer)
    return answer.status
