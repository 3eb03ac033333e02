"""JSON as the API writes it: compact UTF-8."""

import json
from typing import Final

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ESCAPED: Final = json.JSONEncoder(separators=(",", ":"))


def to_json(value: object) -> bytes:
    """Encode `value` as compact UTF-8 JSON.

    Lone surrogates have no UTF-8 form: a value that holds one is written in ASCII, escaped.
    """
    try:
        return _COMPACT.encode(value).encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(value).encode()
