"""Asking for the list, once, to learn whether it is the emails that nobody answers."""

from __future__ import annotations

import math
from typing import Any

from ltx_async.codec import ACCOUNT_LIST, Redaction, Reply, parse_accounts
from ltx_async.engine.attempts import Attempts
from ltx_async.engine.bounds import Bounds
from ltx_async.engine.run import Run
from ltx_async.engine.shared import Shared
from ltx_async.errors import LTXError


def _read(reply: Reply, _email: str, redaction: Redaction) -> Any:
    return parse_accounts(reply, redaction)


async def ask_for_list(shared: Shared, bounds: Bounds, run: Run) -> LTXError | None:
    """Ask for the list with one request; its slot is the caller's.

    Returns:
        What came in place of a list; None where the list came.
    """
    attempts: Attempts[Any] = Attempts(shared, ACCOUNT_LIST, None, _read, run)
    result = await attempts.attempt(bounds.timeout, math.inf)
    return result if isinstance(result, LTXError) else None
