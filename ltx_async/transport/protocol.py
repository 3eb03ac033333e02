"""What a transport offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ltx_async.codec import Reply, Request
from ltx_async.errors import LTXError

OnReply = Callable[[Reply | LTXError], None]
"""What is called with a reply, or with why there is none, where its last bytes arrive."""


class Post(Protocol):
    """Writes one request at once, if that can be."""

    def __call__(
        self, request: Request, timeout: float, on_reply: OnReply
    ) -> Callable[[], None] | None:
        """Write a request, and have its reply told where it arrives.

        Args:
            request: what to ask for.
            timeout: seconds for all of it, the body included.
            on_reply: called once, in the loop, with the reply or the error that `send` raises.

        Returns:
            What gives the request up, so that `on_reply` is not called; None where nothing
            was written, and `send` is the way.
        """


class Transport(Protocol):
    """What sends: one request on the wire per call."""

    async def send(self, request: Request, timeout: float) -> Reply:
        """Return the reply, or raise one of our errors."""

    @property
    def post(self) -> Post | None:
        """The way to have a reply told where it arrives; None where there is no such way."""

    def discard(self, reply: Reply) -> None:
        """Close the connection that brought a reply."""

    def renew(self) -> None:
        """Send the next request over a new connection: those that are idle may be dead."""

    async def aclose(self) -> None:
        """Close what was opened."""

    @property
    def is_open(self) -> bool:
        """Whether anything was opened that `aclose` would close."""

    def abandon(self) -> None:
        """Close what was opened without a wait; call it in the running loop."""
