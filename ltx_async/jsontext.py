"""Decode JSON with the same verdict whichever library is installed, and encode the same bytes.

orjson is used where it is installed (extra `speed`), else the standard library.
Both are held to the narrower of the two: UTF-8 without a byte order mark, integers
of 64 bits, finite numbers, whole surrogate pairs, bounded depth, one document.
"""

from __future__ import annotations

import json
import logging
import math
import re
from string import ascii_lowercase, ascii_uppercase
from typing import Any, NoReturn

try:
    import orjson
except ImportError:
    _orjson_loads = _orjson_dumps = None
except Exception as _error:  # noqa: BLE001 - a broken build fails as it likes
    logging.getLogger("ltx_async").warning(
        "orjson cannot be loaded, the standard library decodes: %r", _error
    )
    _orjson_loads = _orjson_dumps = None
else:
    _orjson_loads, _orjson_dumps = orjson.loads, orjson.dumps

DEEPEST = 100
_LONGEST_SAFE = 18  # digits: below this, 64 bits and exact numbers are certain
_LONG_NUMBER = "0" * (_LONGEST_SAFE + 1)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_FOLDED = bytes.maketrans(
    b"123456789[" + ascii_uppercase.encode(), b"000000000{" + ascii_lowercase.encode()
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRING = re.compile(  # possessive, and a string may end with the body: linear time
    r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL
)
MOST_CONTAINERS = 20_000  # parsing and freeing so many takes some 10 ms, in which nothing else runs
_TOO_DEEP = f"the body nests deeper than {DEEPEST} levels"
_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1


class NotJSONError(ValueError):
    """The bytes are not one JSON document of ordinary values; the text says why."""


def fold(body: bytes) -> str:
    """Return a body for all that is looked for in it: a character for each of its bytes.

    Letters are small, every digit is a 0 and every opening bracket a `{`. It is text because
    Python takes half as long to find something in text as in bytes.
    """
    return body.translate(_FOLDED).decode("latin-1")


def decode(body: bytes, folded: str | None = None) -> Any:
    """Return the value of a JSON document (RFC 8259).

    Args:
        body: the document.
        folded: what `fold` makes of it, where the caller has that already.

    Raises:
        NotJSONError: with a reason that never quotes the document.
    """
    folded = fold(body) if folded is None else folded
    brackets = folded.count("{")
    if brackets > MOST_CONTAINERS and brackets - _quoted_brackets(folded) > MOST_CONTAINERS:
        message = f"the body holds more than {MOST_CONTAINERS:,} arrays and objects"
        raise NotJSONError(message)
    plain = _orjson_loads is not None and _LONG_NUMBER not in folded
    value = _fast(body) if plain else _standard(body)
    if brackets > DEEPEST:
        _check_depth(value)
    return value


def decode_again(body: bytes) -> Any:
    """Return the value of a document that `decode` has accepted before.

    Its integers fit in 64 bits and its depth is bounded, so both libraries read it alike, and
    what costs as much as reading it need not be asked again.
    """
    if _orjson_loads is not None:
        try:
            return _orjson_loads(body)
        except ValueError:  # none is known, but it was the standard library that accepted it
            pass
    return _standard(body)


def encode(value: Any, *, gently: bool = False) -> bytes:
    """Return JSON of a value such as `decode` gives, as ASCII without white space.

    So it contains no line end, not even for programs that take U+2028 for one. The bytes are
    those of the standard library, whichever library is installed: values that orjson writes
    differently, text beyond ASCII and numbers with an exponent, are left to the former.

    Args:
        value: what to encode.
        gently: whether other threads are to run meanwhile, which takes four times as long.
    """
    if _orjson_dumps is not None:
        try:
            text = _orjson_dumps(value)
        except TypeError:  # a lone surrogate, an integer beyond 64 bits
            pass
        else:
            if text.isascii() and _is_common(text):
                return text
    return ("".join(_ENCODER.iterencode(value)) if gently else _ENCODER.encode(value)).encode()


def _is_common(text: bytes) -> bool:
    """Whether both libraries write this alike: no DEL, and no number with an exponent in either."""
    return (
        text.find(b"\x7f") < 0
        and text.find(b"0.0000") < 0
        and text.translate(_DIGITS).find(b"0e") < 0
    )


def _quoted_brackets(folded: str) -> int:
    return sum(string.group().count("{") for string in _STRING.finditer(folded))


def _fast(body: bytes) -> Any:
    assert _orjson_loads is not None
    try:
        return _orjson_loads(body)
    except ValueError as error:
        too_deep = "depth limit" in str(error)
    raise NotJSONError(_TOO_DEEP if too_deep else "the body is not valid JSON")


def _standard(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except NotJSONError:
        raise
    except UnicodeDecodeError:
        reason = "the body is not valid UTF-8"
    except RecursionError:
        reason = _TOO_DEEP
    except ValueError:
        reason = "the body is not valid JSON"
    else:
        if _SURROGATE.search(body) and not _encodable(value):
            raise NotJSONError("a string holds a lone surrogate")
        return value
    raise NotJSONError(reason)


def _check_depth(value: Any) -> None:
    """Refuse what nests deeper than DEEPEST, one level after the other."""
    level = _containers([value])
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return
    raise NotJSONError(_TOO_DEEP)


def _containers(outer: Any) -> list[Any]:
    inner = outer.values() if type(outer) is dict else outer
    return [item for item in inner if type(item) is dict or type(item) is list]


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


_ENCODER = json.JSONEncoder(separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_constant)
