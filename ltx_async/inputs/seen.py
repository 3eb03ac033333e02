"""Which emails of an input are the same one, and which have a record already."""

from __future__ import annotations

from enum import Enum, auto
from typing import Generic, TypeVar

from attrs import define, field

from ltx_async.results.known import digest_of

Earlier = TypeVar("Earlier")


class Meeting(Enum):
    """Whether an email without a record was met before."""

    FIRST = auto()
    AGAIN = auto()


@define
class SeenEmails(Generic[Earlier]):
    """Remembers emails in about 100 bytes each, however long they are.

    It keeps digests; whether an email is refused before anything is sent is a part of them.
    """

    _known: dict[bytes, Earlier | None] = field(factory=dict, init=False)

    def remember(self, email: str, earlier: Earlier, *, refused: bool = False) -> None:
        """Take what an earlier run has recorded; of several of one email, the last one counts."""
        self._known[digest_of(email, refused=refused)] = earlier

    def meet(self, email: str, *, refused: bool = False) -> Earlier | Meeting:
        """Return what is known of an email of the input; only its first meeting is one.

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
