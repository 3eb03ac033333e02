"""Cut the bearer token out of what a server sends back."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from attrs import field, frozen

from ltx_async.jsontext import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CUT = "[token]"
_SHORTEST_PART: Final = 8  # characters; a shorter part of a token is too common to be cut
_LONGEST_START: Final = 15  # characters; a form's first 15 are cut even where the rest is missing
_WIDEST: Final = 5  # one character of the token may be written as five: `%252D`
_IN_JSON: Final = re.compile(r'\\(?:u00([2-7][0-9A-Fa-f])|(["\\/]))')  # escapes of visible ASCII
_IN_URLS: Final = re.compile(r"%(?:25)*([2-7][0-9a-f])", re.IGNORECASE)  # `%2D`, `%252D`

_ALPHABETS: Final = {"+": "[+-]", "/": "[/_]"}  # of base64 (RFC 4648 4 and 5)
_OF_URLS: Final = str.maketrans("+/", "-_")


def _decoded(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]


def _unquoted(text: str) -> str:
    """Undo the percent-encoding of visible ASCII, and that of its percent signs."""
    return _IN_URLS.sub(_decoded, text)


def _parts(token: str) -> list[str]:
    """Return a token, what follows its `user:` and what follows its `-`, if long enough."""
    tail = token.partition(":")[2]
    secret = tail.partition("-")[2]
    return [token, *(part for part in (tail, secret) if len(part) >= _SHORTEST_PART)]


def _in_base64(part: str) -> Iterator[str]:
    """Yield the base64 characters that any text containing `part` has when it is encoded.

    There are three forms, as the part may begin at the first, second or third byte of a group
    of three. The outermost characters depend on the bytes around the part and are left out.
    """
    for offset, start in enumerate((0, 2, 3)):
        encoded = b64encode(b"x" * offset + part.encode()).decode()
        inner = encoded[start : (offset + len(part)) * 8 // 6]
        if len(inner) >= _SHORTEST_PART:
            yield inner


def _any_of(forms: Iterable[str], at: int = 0, *, whole: bool = False) -> str:
    """Return a pattern that matches what follows the first `at` characters, which all forms share.

    A form may be cut off after its start. Where two forms begin alike, the pattern matches the
    longer one if the text contains it.

    Args:
        forms: texts in lower case.
        at: how many characters the forms share; the pattern begins after them.
        whole: whether a shorter form is complete by now, so that nothing more need match.
    """
    pattern = ""
    while True:
        following: dict[str, list[str]] = {}
        for form in forms:
            whole = whole or len(form) == at or at >= _LONGEST_START
            if len(form) > at:
                following.setdefault(form[at], []).append(form)
        if not following:
            return pattern
        at += 1
        may_miss = "?+" if whole else ""
        if len(following) > 1:
            rests = (_one_of(c) + _any_of(alike, at, whole=whole) for c, alike in following.items())
            return f"{pattern}(?:{'|'.join(rests)}){may_miss}"
        ((character, forms),) = following.items()
        pattern += _one_of(character) + may_miss


def _one_of(character: str) -> str:
    return _ALPHABETS.get(character, re.escape(character))


def _signs(forms: list[str]) -> tuple[str, ...]:
    """Return a few lower-case texts such that every form contains at least one of them."""
    signs: list[str] = []
    for form in map(str.lower, forms):
        if not any(sign in form for sign in signs):
            signs.append(form[:_SHORTEST_PART])
    return tuple(signs)


def _folded(signs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the signs as they show in a folded body that has no percent sign."""
    return tuple(dict.fromkeys(fold(sign.encode()) for sign in signs if "%" not in sign))


_AT_A_TIME: Final = 64 << 10  # characters, in which to search takes some milliseconds


@frozen(repr=False)
class Redaction:
    """Cuts one bearer token out of server text, should the server echo it.

    Cut are the token, its part behind `user:` and that behind `-` (of 8 characters at least),
    in any case, percent-encoded or in base64, and a start of 15 characters of each of them.
    """

    _pattern: str = field()
    _signs: tuple[str, ...] = field()
    _folded_signs: tuple[str, ...] = field()
    _longest: int = field()

    @classmethod
    def of(cls, token: str) -> Redaction:
        """Build the redaction of `token`, which must not be empty."""
        parts = [part for one in dict.fromkeys((_unquoted(token), token)) for part in _parts(one)]
        coded = [code for part in parts for code in _in_base64(part)]
        # A percent sign just before an encoded form would spoil the decoding of that form.
        parts += [text for part in parts if (text := quote(part, safe="")) != part]
        in_urls = [code.translate(_OF_URLS) for code in coded]
        starts = [part[:_LONGEST_START] for part in parts]
        signs = _signs([*reversed(starts), *reversed(coded), *reversed(in_urls)])
        forms = list(dict.fromkeys(map(str.lower, parts + coded)))
        return cls(_any_of(forms), signs, _folded(signs), _WIDEST * len(token))

    def text(self, text: str) -> str:
        """Return `text` without the token."""
        if "%" in text and self._seen_in((unquoted := _unquoted(text)).lower()):
            text = self._cut(unquoted)
        return self._cut(text) if self._seen_in(text.lower()) else text

    def _cut(self, text: str) -> str:
        """Cut every form out, a piece at a time: no other thread runs within a step of `re`."""
        pattern = re.compile(self._pattern, re.IGNORECASE)  # cached; only needed after an echo
        parts: list[str] = []
        at = 0
        while at < len(text):
            kept, end = at, at + _AT_A_TIME
            for form in pattern.finditer(text, at, end + self._longest):
                if form.start() >= end:
                    break
                parts += (text[kept : form.start()], CUT)
                kept = form.end()
            at = max(kept, end)
            parts.append(text[kept:at])
        return "".join(parts)

    def beginning(self, body: bytes, limit: int) -> str:
        """Return the first `limit` bytes as text, also without a token that the limit splits."""
        text = self.text(body[:limit].decode("utf-8", "replace"))
        return text if len(body) <= limit else text[: -self._longest]

    def concerns(self, body: bytes, folded: str) -> bool:
        r"""Whether a body of JSON may hold the token, behind escapes such as `\u0075` too.

        Few bodies need more than a search for each of the signs. To search for all of them
        by one compiled pattern takes Python three times as long.

        Args:
            body: the JSON.
            folded: what `fold` makes of it.
        """
        for sign in self._folded_signs:
            if sign in folded:
                return self._appears_in(body.decode("latin-1"))
        if "%" in folded or ("\\" in folded and _IN_JSON.search(body.decode("latin-1"))):
            return self._appears_in(body.decode("latin-1"))
        return False

    def _appears_in(self, text: str) -> bool:
        """Whether a text may hold a form, as it stands or escaped."""
        plain = _IN_JSON.sub(_decoded, text)
        return any(self._seen_in(one.lower()) for one in (text, plain, _unquoted(plain)))

    def _seen_in(self, text: str) -> bool:
        """Whether a text in lower case may hold a form."""
        return any(sign in text for sign in self._signs)

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
