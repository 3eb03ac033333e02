"""Which emails have been met or have a record, remembered in little memory."""

from __future__ import annotations

import re
import sys
from hashlib import blake2b
from struct import Struct
from typing import Final

from attrs import define, field

from ltx_async.codec.emails import refusal
from ltx_async.codec.identity import entry_key
from ltx_async.errors import as_text
from ltx_async.models import Outcome
from ltx_async.results.columns import plain_text

_REFUSED: Final = "\0"
_AGAIN: Final = "\1"
_ESCAPE: Final = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4})")
_TWICE: Final = Struct("qq").pack
_DIGEST_SIZE: Final = 16
_NUMBER_SIZE: Final = 4
_ENTRY_SIZE: Final = _DIGEST_SIZE + _NUMBER_SIZE
# Python's hash of text is SipHash with a key of the process (PEP 456): two of them under one key,
# of different text, are 128 bits that nobody can foresee, for a fifth of what BLAKE2b costs.
_HASHES_SUFFICE: Final = (
    sys.hash_info.algorithm.startswith("siphash")
    and sys.hash_info.width >= 64
    and not sys.hash_info.cutoff
)


def _hashed(text: str) -> bytes:
    return _TWICE(hash(text), hash(_AGAIN + text))


def _digested(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=_DIGEST_SIZE).digest()


_digest: Final = _hashed if _HASHES_SUFFICE else _digested


def email_key(email: str, *, refused: bool = False) -> str:
    """Return what all spellings of one entry of an input share, and no other entry has.

    Args:
        email: as it stands in an input or in a record.
        refused: whether it is never asked for. Bytes that were not UTF-8, written with
            escapes, may look like an email that is one; they are told apart by this.
    """
    text = entry_key(plain_text(email))
    return _REFUSED + text if refused else text


@define
class KeyNumbers:
    """A number for each key that was met, in about 35 bytes however long the key is.

    A key has 128 bits, in which it is looked for. Of a million keys, the chance that any two are
    mistaken for one another is below 10⁻²⁶. The entries stand one
    after the other on shelves, some bytes each that are searched by C code: no single step takes
    long, however many there are, as the growth of a hash table would.
    """

    _shelves: dict[int, bytes] = field(factory=dict, init=False)

    def put(self, key: str, number: int = 0) -> int | None:
        """Give a key a number (0 ≤ number < 2³²), and return the one it had; None for none."""
        digest = _digest(key)
        place = digest[0] << 8 | digest[1]
        shelf = self._shelves.get(place, b"")
        at = shelf.find(digest)
        if at % _ENTRY_SIZE:
            at = _aligned(shelf, digest, at)
        if at < 0:
            self._shelves[place] = shelf + digest + number.to_bytes(_NUMBER_SIZE)
            return None
        begin, end = at + _DIGEST_SIZE, at + _ENTRY_SIZE
        earlier = int.from_bytes(shelf[begin:end])
        if earlier != number:
            self._shelves[place] = shelf[:begin] + number.to_bytes(_NUMBER_SIZE) + shelf[end:]
        return earlier

    def get(self, key: str) -> int | None:
        """Return the number of a key; None if it has none."""
        digest = _digest(key)
        shelf = self._shelves.get(digest[0] << 8 | digest[1], b"")
        at = _aligned(shelf, digest, shelf.find(digest))
        if at < 0:
            return None
        return int.from_bytes(shelf[at + _DIGEST_SIZE : at + _ENTRY_SIZE])


def _aligned(shelf: bytes, digest: bytes, at: int) -> int:
    """Return where the entry of a digest begins, from `at` on; -1 if there is none."""
    while at > 0 and at % _ENTRY_SIZE:  # parts of two entries look like it, by chance
        at = shelf.find(digest, at + 1)
    return at


@define
class KnownEmails:
    """The emails of records, in about 35 bytes each; of what is no text, what records have of it.

    A text that can be sent may have been refused in a file, as `Ann <ann@example.com>` is. Where
    it has escapes, such a record may be one of other bytes, and does not count.
    """

    _numbers: KeyNumbers = field(factory=KeyNumbers, init=False)
    _has_refused: bool = field(default=False, init=False)

    def add(self, email: str, outcome: Outcome) -> None:
        """Take the email of a record."""
        refused = outcome is Outcome.INVALID
        self._has_refused |= refused
        self._numbers.put(email_key(email, refused=refused))

    def __contains__(self, email: object) -> bool:
        text = as_text(email)
        if refusal(email) is None:
            if self._numbers.get(email_key(text)) is not None:
                return True
            if not self._has_refused or _ESCAPE.search(text):
                return False
        return self._numbers.get(email_key(text, refused=True)) is not None
