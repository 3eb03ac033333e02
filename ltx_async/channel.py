"""What all lookups of a client share: the way out, its limits, and who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, field

from ltx_async.codec import Redaction, Reply, Request
from ltx_async.errors import LTXError
from ltx_async.events import Event, GateClosed, GateOpened
from ltx_async.limits import Limiter
from ltx_async.retry import RetryBudget, RetryPolicy

logger: Final = logging.getLogger("ltx_async")


def mask_email(email: str) -> str:
    """Return an address fit for a log at INFO: the first character and the domain."""
    local, at, domain = email.rpartition("@")
    return ascii(f"{local[:1]}***@{domain[:64]}")[1:-1] if at else email


def message_for_log(error: LTXError, email: str | None) -> str:
    """Return what an error says, with the address masked should the server repeat it."""
    return error.message.replace(email, mask_email(email)) if email else error.message


class Transport(Protocol):
    """What sends: one request on the wire per call."""

    async def send(self, request: Request, timeout: float) -> Reply:
        """Return the reply, or raise one of our errors."""

    async def aclose(self) -> None:
        """Close what was opened."""


@define(eq=False)
class Channel:
    """What all lookups of a client share.

    Attributes:
        transport: sends the requests.
        limiter: grants the slots.
        policy: decides on retries.
        budget: bounds the retries of all lookups together.
        redaction: cuts the token out of replies.
        on_event: told what happens; its exceptions are logged and go no further.
    """

    transport: Transport
    limiter: Limiter
    policy: RetryPolicy
    budget: RetryBudget
    redaction: Redaction
    on_event: Callable[[Event], None] | None
    _lowered: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.limiter.on_open = self._opened

    @property
    def watched(self) -> bool:
        """Whether anybody wants to know of each attempt."""
        return self.on_event is not None or logger.isEnabledFor(logging.DEBUG)

    def tell(self, event: Event) -> None:
        """Log an event and pass it on."""
        logger.debug("%s", event)
        if self.on_event is not None:
            try:
                self.on_event(event)
            except Exception:
                logger.exception("on_event raised; the run goes on")

    def close_gate(self, seconds: float, why: LTXError, *, halve: bool) -> None:
        """Let nobody send for a while."""
        if self.limiter.close(seconds, halve=halve):
            logger.info("nobody sends for %.1f s: %s", seconds, message_for_log(why, why.email))
            self.tell(GateClosed(seconds, why))

    def lower_concurrency(self) -> None:
        """Make do with the file descriptors that there are, and warn of it once."""
        level = logging.INFO if self._lowered else logging.WARNING
        self._lowered = True
        logger.log(
            level, "out of file descriptors: concurrency lowered to %d", self.limiter.lower()
        )

    def _opened(self, window: int) -> None:
        logger.info("sending again, %d at first", window)
        self.tell(GateOpened(window))
