"""Accounts and lookups for fakes in place of a client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime
from typing import Any, Final

from ltx_async.codec import Redaction, Reply, parse_account
from ltx_async.emulator import EXAMPLE_TOKEN
from ltx_async.errors import LTXError
from ltx_async.models import Account, Lookup, Outcome, outcome_of

_NO_SECRET: Final = Redaction.of(EXAMPLE_TOKEN)


def account(wire: Mapping[str, Any]) -> Account:
    """Return the account that a reply with this JSON object leads to.

    Raises:
        DecodeError: it is no account.
    """
    body = json.dumps(dict(wire)).encode()
    found = parse_account(Reply(200, {}, body), wire.get("email", ""), _NO_SECRET)
    if isinstance(found, LTXError):
        raise found
    return found


def lookup(found: Account | LTXError, *, email: str | None = None, index: int = 0) -> Lookup:
    """Return a lookup that led to an account or to an error, for a fake in place of a client.

    Args:
        found: what it led to.
        email: the address that was asked for; unset, that of the account or of the error.
        index: position in the input.
    """
    asked = email or found.email or ""
    now = datetime.now(UTC)
    if isinstance(found, Account):
        return Lookup(index, asked, outcome_of(found), found, None, 200, 1, 0.0, now)
    error = copy(found)
    error.email = asked
    outcome, status = Outcome(error.outcome), getattr(error, "status", None)
    return Lookup(index, asked, outcome, None, error, status, error.attempts, 0.0, now)
