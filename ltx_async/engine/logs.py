"""What the log says, with addresses masked."""

from __future__ import annotations

import logging
from typing import Final

from ltx_async.errors import LTXError

logger: Final = logging.getLogger("ltx_async")
doubts: Final = logging.getLogger("ltx_async.doubts")
"""Tells programs what commands say themselves, in their own words."""


def mask_email(email: str) -> str:
    """Return an address fit for a log at INFO: the first character and the domain."""
    local, at, domain = email.rpartition("@")
    return ascii(f"{local[:1]}***@{domain[:64]}")[1:-1] if at else email


def message_for_log(error: LTXError, email: str | None) -> str:
    """Return what an error says, with the address masked should the server repeat it."""
    return error.message.replace(email, mask_email(email)) if email else error.message
