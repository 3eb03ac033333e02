"""Which strings of unknown JSON look secret, and what is shown in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_ANYWHERE = "token|secret|password|jwt|session|auth|cookie"
_AS_WORDS = (
    "(?:api|access|refresh|private)?keys?|bearer|pwd|passwd|pass|credentials?|sid|signatures?"
    "|otp|pin|csrf"
)
_EDGE = (  # of a word: `x-api-key`, `apiKey`, `APIKey`, `APIkey`
    "(?:(?<![A-Za-z])|(?![A-Za-z])|(?<=[a-z])(?=[A-Z])"
    "|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Z][A-Z])(?=[a-z]))"
)
_SECRET_NAME = re.compile(f"(?i:{_ANYWHERE})|{_EDGE}(?i:{_AS_WORDS}){_EDGE}")
_LONGEST_NAME = 100  # characters; to search a MiB takes a quarter of a second, a name is shorter
_NAMES = frozenset({"name", "key", "header"})
_VALUES = frozenset({"value", "values"})


def mask_secrets(value: Any, *, secret: bool = False) -> Any:
    """Return a copy of decoded JSON with the strings below secret-looking keys masked.

    A key looks secret when it contains token, secret, password, jwt, session, auth or cookie,
    or when one of its words is key, bearer, pwd, passwd, pass, credential, sid, signature, otp,
    pin or csrf, whatever its case and however deep it lies; and so does any of more than 100
    characters, which is not searched. Of a pair such as `{"name": "Authorization", "value": ...}`
    it is the name that counts. Numbers stay as they are.
    """
    if isinstance(value, Mapping):
        named = _names_a_secret(value)
        return {
            key: mask_secrets(
                item,
                secret=secret or _looks_secret(key) or (named and key.lower() in _VALUES),
            )
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [mask_secrets(item, secret=secret) for item in value]
    return MASK if secret and isinstance(value, str) else value


def _looks_secret(name: str) -> bool:
    return len(name) > _LONGEST_NAME or _SECRET_NAME.search(name) is not None


def _names_a_secret(pair: Mapping[str, Any]) -> bool:
    """Whether an object says the name of a secret, as the one that holds a header does."""
    return any(
        key.lower() in _NAMES and isinstance(name, str) and _looks_secret(name)
        for key, name in pair.items()
    )
