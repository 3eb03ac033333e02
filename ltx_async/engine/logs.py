"""What the log says, with addresses masked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from ltx_async.errors import LTXError
from ltx_async.events import Event, LookupFinished

logger: Final = logging.getLogger("ltx_async")
doubts: Final = logging.getLogger("ltx_async.doubts")
"""The logger for messages that programs need and that commands print in their own words."""


def mask_email(email: str) -> str:
    """Return an address fit for a log at INFO: the first character and the domain."""
    local, at, domain = email.rpartition("@")
    return ascii(f"{local[:1]}***@{domain[:64]}")[1:-1] if at else email


def message_for_log(error: LTXError, email: str | None) -> str:
    """Return what an error says, with the address masked should the server repeat it."""
    return error.message.replace(email, mask_email(email)) if email else error.message


def facts(
    *, email: str | None = None, error: LTXError | None = None, **more: float | None
) -> Mapping[str, object]:
    """Return what a log record says in fields of its own (`extra`), for structlog and for JSON.

    Args:
        email: whom it concerns; it is masked.
        error: what its class and, where there is one, its status are taken from.
        more: `status`, `attempt` and `seconds`; what is None is left out.
    """
    said = {
        "email": mask_email(email) if email else None,
        "error_type": None if error is None else type(error).__name__,
        "status": getattr(error, "status", None),
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def facts_of(event: Event) -> Mapping[str, object]:
    """Return the fields of a log record about an event, as `facts` does."""
    if isinstance(event, LookupFinished):
        one = event.lookup
        return facts(
            email=one.email,
            error=one.error,
            status=one.status,
            attempt=one.attempts,
            seconds=one.elapsed,
        )
    error = getattr(event, "error", None) or getattr(event, "why", None)
    return facts(
        email=getattr(event, "email", None),
        error=error,
        status=getattr(event, "status", getattr(error, "status", None)),
        attempt=getattr(event, "attempt", None),
        seconds=getattr(event, "seconds", getattr(event, "delay", None)),
    )
