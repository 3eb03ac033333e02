"""When two spellings of an email mean the same: one rule for entries, one for accounts.

Only the case of ASCII letters is ever folded. `str.lower` would take the Kelvin sign for a k
and the Ångström sign for an å: those are other addresses.
"""

from __future__ import annotations

import string
from typing import Final

_ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def entry_key(email: str) -> str:
    """Return what all spellings of one entry share: everything but the case of the domain.

    Duplicates of an input, records that a run resumes from, compared results and the rounds
    of `watch` go by it: `Ann@x` and `ann@x` may be two mailboxes (RFC 5321 2.4), and are
    asked for as two.
    """
    if email.islower():
        return email
    local, at, domain = email.rpartition("@")
    lowered = _lower(domain)
    return email if lowered == domain or not at else f"{local}@{lowered}"


def is_same_account(asked: str, answered: str) -> bool:
    """Whether a reply about `answered` is one about `asked`: equal but for the case of letters.

    The service may spell an address in its own case.
    """
    return asked == answered or _lower(asked) == _lower(answered)


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)
