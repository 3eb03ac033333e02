"""Cut the bearer token out of what a server sends back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

CUT = "[token]"
_BACKSLASH = ord("\\")
_SHORTEST_TAIL = 8


_UNRESERVED = re.compile("[A-Za-z0-9._~-]+")


def _forms(token: str) -> list[str]:
    """Return the token and its part after `user:` if that is telling, percent-encoded too."""
    tail = token.partition(":")[2]
    plain = {token, tail} if len(tail) >= _SHORTEST_TAIL else {token}
    return sorted(plain | {quote(form, safe="") for form in plain}, key=len, reverse=True)


def _common_part(forms: list[str]) -> str:
    """Return the longest text that percent-encoding leaves alone in every form."""
    return max(_UNRESERVED.findall(min(forms, key=len)), key=len, default="")


@frozen(repr=False)
class Redaction:
    """Cuts one bearer token out of server text, should the server echo it."""

    _pattern: re.Pattern[str] = field()
    _needle: bytes = field()
    _longest: int = field()

    @classmethod
    def of(cls, token: str) -> Redaction:
        """Build the redaction of `token`, which must not be empty."""
        forms = _forms(token)
        pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE)  # hosts, %3a
        return cls(pattern, _common_part(forms).encode(), len(forms[0]))

    def text(self, text: str) -> str:
        """Return `text` without the token."""
        return self._pattern.sub(CUT, text)

    def beginning(self, body: bytes, limit: int) -> str:
        """Return the first `limit` bytes as text; a token that the cut splits goes too."""
        text = self.text(body[:limit].decode("utf-8", "replace"))
        return text if len(body) <= limit else text[: -self._longest]

    def concerns(self, body: bytes) -> bool:
        r"""Whether `body` may hold the token, perhaps behind JSON escapes such as `\u0075`."""
        return _BACKSLASH in body or body.find(self._needle) >= 0

    def value(self, value: Any) -> Any:
        """Return decoded JSON without the token, in keys and in strings."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._mapping(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def _mapping(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return {self.text(key): self.value(item) for key, item in value.items()}
