"""Which emails of an input are the same one, and which have a record already."""

from __future__ import annotations

from enum import Enum, auto
from hashlib import blake2b
from typing import Final

from attrs import define, field, frozen

from ltx_async.cli.alerts import Alert
from ltx_async.cli.records import plain_text
from ltx_async.models import Outcome

_DIGEST_SIZE: Final = 16
_REFUSED: Final = "\x00"


def identity(email: str) -> str:
    """Return what two spellings of one email share: all but the case of the domain.

    The part before the `@` may tell `Ann` from `ann` (RFC 5321 2.4), the domain may not.
    """
    local, at, domain = email.rpartition("@")
    return f"{local}@{domain.lower()}" if at else email


@frozen
class Earlier:
    """What an earlier run has recorded of one email.

    Attributes:
        outcome: what became of it.
        alerts: how many alerts its account raises by now.
        shown: those of them that are kept to be shown.
    """

    outcome: Outcome
    alerts: int = 0
    shown: tuple[Alert, ...] = ()


class Meeting(Enum):
    """Whether an email without a record was met before."""

    FIRST = auto()
    AGAIN = auto()


@define
class SeenEmails:
    """Remembers emails in about 100 bytes each, however long they are.

    It keeps 128-bit digests (BLAKE2b): of a million emails, the chance that any two
    are mistaken for one another is below 10⁻²⁶. Whether an email is refused before anything
    is sent is a part of it: bytes that were not UTF-8, written with escapes, may look like
    an email that is one.
    """

    _known: dict[bytes, Earlier | None] = field(factory=dict, init=False)

    def remember(self, email: str, earlier: Earlier) -> None:
        """Take a record of an earlier run; of several of one email, the last one counts."""
        self._known[_digest(email, refused=earlier.outcome is Outcome.INVALID)] = earlier

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
    text = identity(plain_text(email))
    return blake2b(
        (_REFUSED + text if refused else text).encode(), digest_size=_DIGEST_SIZE
    ).digest()
