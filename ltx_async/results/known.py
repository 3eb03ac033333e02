"""Which emails have a record, remembered in little memory."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from attrs import define, field

from ltx_async.codec.emails import refusal
from ltx_async.codec.identity import entry_key
from ltx_async.models import Outcome
from ltx_async.results.columns import plain_text

_DIGEST_SIZE: Final = 16
_REFUSED: Final = b"\0"


def digest_of(email: str, *, refused: bool) -> bytes:
    """Return 128 bits (BLAKE2b) that all spellings of one entry share, however long it is.

    Of a million emails, the chance that any two are mistaken for one another is below 10⁻²⁶.

    Args:
        email: as it stands in an input or in a record.
        refused: whether it is never asked for. Bytes that were not UTF-8, written with escapes,
            may look like an email that is one; they are told apart by this.
    """
    text = entry_key(plain_text(email)).encode()
    return blake2b(_REFUSED + text if refused else text, digest_size=_DIGEST_SIZE).digest()


@define
class KnownEmails:
    """A set of emails, in about 100 bytes each."""

    _digests: set[bytes] = field(factory=set, init=False)

    def add(self, email: str, outcome: Outcome) -> None:
        """Take the email of a record."""
        self._digests.add(digest_of(email, refused=outcome is Outcome.INVALID))

    def __contains__(self, email: object) -> bool:
        if not isinstance(email, str):
            return False
        return digest_of(email, refused=refusal(email) is not None) in self._digests
