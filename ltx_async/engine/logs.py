"""Who is told what happens: the log, with addresses masked, and the function of the owner."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field

from ltx_async.engine.parameters import is_coroutine
from ltx_async.errors import ConfigurationError, LTXError
from ltx_async.events import OF_EACH_LOOKUP, Event, LookupFinished

logger: Final = logging.getLogger("ltx_async")
doubts: Final = logging.getLogger("ltx_async.doubts")
"""The logger for messages that programs need and that commands print in their own words."""

_NOT_AWAITED: Final = ConfigurationError(
    "on_event gave a coroutine, which nobody awaits: it must be a plain function",
)
_TOLD_COUNTS: Final = frozenset(10**power for power in range(1, 10))


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


@define(eq=False)
class Listener:
    """Tells what happens.

    Attributes:
        on_event: told of each event; its exceptions are logged and go no further. None for the
            log alone.
        kinds: the classes of events that `on_event` is told of; None for all.
    """

    on_event: Callable[[Event], object] | None = None
    kinds: frozenset[type[Event]] | None = None
    _each: bool = field(init=False)
    _raised: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        wanted = self.kinds is None or not self.kinds.isdisjoint(OF_EACH_LOOKUP)
        self._each = self.on_event is not None and wanted

    @property
    def watched(self) -> bool:
        """Whether anybody wants to know of each attempt."""
        return self._each or logger.isEnabledFor(logging.DEBUG)

    def tell(self, event: Event) -> None:
        """Log an event and pass it on."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s", event, extra=facts_of(event))
        if self.on_event is not None and (self.kinds is None or type(event) in self.kinds):
            try:
                if is_coroutine(self.on_event(event)):
                    self._complain(_NOT_AWAITED)
            except Exception as error:  # noqa: BLE001 - the run goes on
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        """Log the first exception of `on_event` in full; later ones are only counted."""
        self._raised += 1
        if self._raised == 1 and error is _NOT_AWAITED:
            logger.error("%s; the run goes on", error)
        elif self._raised == 1:
            logger.error("on_event raised; the run goes on", exc_info=error)
        elif self._raised in _TOLD_COUNTS:
            logger.error("on_event has failed %d times; the run goes on", self._raised)
