"""When silence of a server counts as an outage."""

from __future__ import annotations

from ltx_async.errors import AttemptTimeoutError, ConnectError, LTXError, ResponseError
from ltx_async.retry import OUTAGE_STATUSES


def is_silence(error: LTXError) -> bool:
    """Whether an attempt got no answer, or one of an edge that cannot reach the origin."""
    if isinstance(error, ResponseError):
        return error.status in OUTAGE_STATUSES
    if isinstance(error, ConnectError):
        return not error.out_of_descriptors
    return isinstance(error, AttemptTimeoutError)
