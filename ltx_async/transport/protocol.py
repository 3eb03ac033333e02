"""What a transport offers."""

from __future__ import annotations

from typing import Protocol

from ltx_async.codec import Reply, Request


class Transport(Protocol):
    """What sends: one request on the wire per call."""

    async def send(self, request: Request, timeout: float) -> Reply:
        """Return the reply, or raise one of our errors."""

    def discard(self, reply: Reply) -> None:
        """Close the connection that brought a reply, and send the next request over a new one."""

    async def aclose(self) -> None:
        """Close what was opened."""

    @property
    def is_open(self) -> bool:
        """Whether anything was opened that `aclose` would close."""

    def abandon(self) -> None:
        """Close what was opened without a wait; call it in the running loop."""
