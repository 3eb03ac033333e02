"""Where results go, whatever the format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from ltx_async.models import Outcome

T_contra = TypeVar("T_contra", contravariant=True)


class Writer(Protocol[T_contra]):
    """Where lookups, or other things that become lines, are kept."""

    async def write(self, item: T_contra, /) -> None:
        """Write one whole, or raise."""
        ...  # pragma: no cover

    async def close(self) -> None:
        """Finish; to be called once."""
        ...  # pragma: no cover


class Output(Writer[T_contra], Protocol[T_contra]):
    """A file of results."""

    @property
    def name(self) -> str:
        """The file as it was named."""
        ...  # pragma: no cover

    @property
    def in_place(self) -> bool:
        """Whether it is the file of its name, and not still to take the place of another."""
        ...  # pragma: no cover

    async def write_all(self, items: Sequence[T_contra], /) -> None:
        """Write several whole, and in one go; or raise, where none of them may be written."""
        ...  # pragma: no cover

    async def put_in_place(self) -> None:
        """Replace an older file now; else the first item that was asked for does it."""
        ...  # pragma: no cover


def was_asked_for(item: object) -> bool:
    """Whether an item is anything but a lookup whose email was refused before it was sent."""
    return getattr(item, "outcome", None) is not Outcome.INVALID
