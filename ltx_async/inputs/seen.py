"""Which emails of an input are the same one, and which have a record already."""

from __future__ import annotations

from enum import Enum, auto
from hashlib import blake2b
from typing import Final, Generic, TypeVar

from attrs import define, field

from ltx_async.codec.identity import entry_key
from ltx_async.results.columns import plain_text

_DIGEST_SIZE: Final = 16
_REFUSED: Final = "\x00"
Earlier = TypeVar("Earlier")


class Meeting(Enum):
    """Whether an email without a record was met before."""

    FIRST = auto()
    AGAIN = auto()


@define
class SeenEmails(Generic[Earlier]):
    """Remembers emails in about 100 bytes each, however long they are.

    It keeps 128-bit digests (BLAKE2b): of a million emails, the chance that any two
    are mistaken for one another is below 10⁻²⁶. Whether an email is refused before anything
    is sent is a part of it: bytes that were not UTF-8, written with escapes, may look like
    an email that is one.
    """

    _known: dict[bytes, Earlier | None] = field(factory=dict, init=False)

    def remember(self, email: str, earlier: Earlier, *, refused: bool = False) -> None:
        """Take what an earlier run has recorded; of several of one email, the last one counts."""
        self._known[_digest(email, refused=refused)] = earlier

    def meet(self, email: str, *, refused: bool = False) -> Earlier | Meeting:
        """Return what is known of an email of the input; only its first meeting is one.

        Args:
            email: as it stands in the input.
            refused: whether it will not be asked for.
        """
        digest = _digest(email, refused=refused)
        if digest not in self._known:
            self._known[digest] = None
            return Meeting.FIRST
        earlier, self._known[digest] = self._known[digest], None
        return Meeting.AGAIN if earlier is None else earlier


def _digest(email: str, *, refused: bool) -> bytes:
    text = entry_key(plain_text(email))
    return blake2b(
        (_REFUSED + text if refused else text).encode(), digest_size=_DIGEST_SIZE
    ).digest()
