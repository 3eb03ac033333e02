"""Decode JSON with the same verdict whichever library is installed.

orjson is used where it is installed (extra `speed`), else the standard library.
Both are held to the narrower of the two: UTF-8 without a byte order mark, integers
of 64 bits, finite numbers, whole surrogate pairs, bounded depth, one document.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

try:
    import orjson
except ImportError:
    _orjson_loads = None
else:
    _orjson_loads = orjson.loads

DEEPEST = 100
_LONGEST_SAFE = 18  # digits: below this, 64 bits and exact numbers are certain
_LONG_NUMBER = b"0" * (_LONGEST_SAFE + 1)
_SHAPE = bytes.maketrans(b"123456789[", b"000000000{")  # every digit a 0, every bracket a {
_BRACE = ord("{")  # bytes.count finds a number sooner than bytes
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRING_OR_BRACKET = re.compile(  # possessive, and a string may end with the body: linear time
    rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL
)
_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1


class NotJSONError(ValueError):
    """The bytes are not one JSON document of ordinary values; the text says why."""


def decode(body: bytes) -> Any:
    """Return the value of a JSON document (RFC 8259).

    Raises:
        NotJSONError: with a reason that never quotes the document.
    """
    shape = body.translate(_SHAPE)
    if shape.count(_BRACE) > DEEPEST:
        _check_depth(body)
    if _orjson_loads is None or shape.find(_LONG_NUMBER) >= 0:
        return _standard(body)
    try:
        return _orjson_loads(body)
    except ValueError:
        pass
    raise NotJSONError("the body is not valid JSON")


def _standard(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except NotJSONError:
        raise
    except UnicodeDecodeError:
        reason = "the body is not valid UTF-8"
    except ValueError:
        reason = "the body is not valid JSON"
    else:
        if _SURROGATE.search(body) and not _encodable(value):
            raise NotJSONError("a string holds a lone surrogate")
        return value
    raise NotJSONError(reason)


def _check_depth(body: bytes) -> None:
    """Refuse what nests deeper than DEEPEST, brackets in strings not counted."""
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        bracket = token.group()
        if bracket in b"[{":
            depth += 1
            if depth > DEEPEST:
                message = f"the body nests deeper than {DEEPEST} levels"
                raise NotJSONError(message)
        elif bracket in b"]}":
            depth -= 1


def _integer(digits: str) -> int:
    if len(digits) <= _LONGEST_SAFE:
        return int(digits)
    if len(digits) <= len(str(_LOWEST)) and _LOWEST <= (number := int(digits)) <= _HIGHEST:
        return number
    raise NotJSONError("an integer does not fit in 64 bits")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotJSONError("a number is out of range")
    return number


def _constant(_name: str) -> NoReturn:
    raise NotJSONError("NaN and infinities are not JSON")


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_constant)
