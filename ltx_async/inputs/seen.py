"""Which emails of an input are duplicates, and which have a record of an earlier run."""

from __future__ import annotations

from enum import Enum, auto
from typing import Generic, TypeVar

from attrs import define, field

from ltx_async.results.known import digest_of

Earlier = TypeVar("Earlier")


class Meeting(Enum):
    """Whether an email of the input is new or a duplicate."""

    FIRST = auto()
    AGAIN = auto()


@define
class SeenEmails(Generic[Earlier]):
    """Tells for each email of an input whether it is new, a duplicate, or has an earlier record.

    It keeps a digest of each email, about 100 bytes however long the email is. An email that
    is refused and one that is sent never share a digest, even if both are written alike.
    """

    _known: dict[bytes, Earlier | None] = field(factory=dict, init=False)

    def remember(self, email: str, earlier: Earlier, *, refused: bool = False) -> None:
        """Note what an earlier run has recorded of an email; a later record replaces it."""
        self._known[digest_of(email, refused=refused)] = earlier

    def meet(self, email: str, *, refused: bool = False) -> Earlier | Meeting:
        """Note an email of the input, and return what is known of it.

        An earlier record is returned once: when its email comes again, it is a duplicate.

        Args:
            email: as it stands in the input.
            refused: whether it will not be asked for.
        """
        digest = digest_of(email, refused=refused)
        if digest not in self._known:
            self._known[digest] = None
            return Meeting.FIRST
        earlier, self._known[digest] = self._known[digest], None
        return Meeting.AGAIN if earlier is None else earlier
