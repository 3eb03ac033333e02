"""What `on_event` receives: one frozen record per thing that happened on the way."""

from __future__ import annotations

from typing import Final, get_args

from attrs import frozen

from ltx_async.errors import LTXError
from ltx_async.models import Lookup


@frozen
class AttemptStarted:
    """A request is about to be written; `attempt` counts from 1 within its lookup."""

    email: str
    attempt: int


@frozen
class AttemptFinished:
    """An attempt ended after `seconds`: with a `status`, or with an `error` and no reply.

    A 429 or a 503 has both: the status that came and the error made of it. Neither has an attempt
    that was cancelled, and one whose header fields could not be had: nobody learns what came of it.
    """

    email: str
    attempt: int
    seconds: float
    status: int | None
    error: LTXError | None


@frozen
class RetryScheduled:
    """The same lookup is tried again after `delay` seconds, because of `why`."""

    email: str
    attempt: int
    delay: float
    why: LTXError


@frozen
class GateClosed:
    """Nobody sends for `seconds`, because of `why`: a throttle or an outage."""

    seconds: float
    why: LTXError


@frozen
class GateOpened:
    """The gate is open again; `limit` requests may be under way at first."""

    limit: int


@frozen
class PaceLearned:
    """What the server seems to allow has moved by a tenth, as far as its throttles tell.

    Attributes:
        rate: requests per second.
        in_flight: requests at a time; None where nothing speaks for such a limit.
    """

    rate: float
    in_flight: int | None


@frozen
class OutageBegan:
    """Nothing answers: a run waits up to `patience` seconds from now; `why` is the last error.

    If the run ends during the outage, no `OutageEnded` follows.
    """

    patience: float
    why: LTXError


@frozen
class OutageEnded:
    """Somebody has answered again, `seconds` after the outage began."""

    seconds: float


@frozen
class NobodyFound:
    """None of the first `asked` emails of a run was found; told once at most.

    It may be that the base URL is wrong, or that the token is of another useapi.net account.
    """

    asked: int


@frozen
class LookupFinished:
    """A lookup has its result."""

    lookup: Lookup


Event = (
    AttemptStarted
    | AttemptFinished
    | RetryScheduled
    | GateClosed
    | GateOpened
    | PaceLearned
    | OutageBegan
    | OutageEnded
    | NobodyFound
    | LookupFinished
)

KINDS: Final[frozenset[type[Event]]] = frozenset(get_args(Event))
"""The classes of all events."""

OF_EACH_LOOKUP: Final[frozenset[type[Event]]] = frozenset(
    {AttemptStarted, AttemptFinished, LookupFinished}
)
"""The classes of events that come with every lookup; the others are rare."""
