"""What the terminal and the encoding of the standard streams can show."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Final

from ltx_async.wording import escaped

# One character each, as lines have been broken to a width by then.
_SPELT: Final = {"→": ">", "…": "~", "—": "-"}
_PLAIN_ERRORS: Final = frozenset({"strict", "backslashreplace"})
_SPELLING: Final = "ltx_async.spelt_out"


def spell_out_the_unknown() -> None:
    """Have standard output and error replace characters that their encoding lacks.

    Otherwise, without UTF-8, the address of one account could end a run in a traceback.
    """
    codecs.register_error(_SPELLING, _spelt_out)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _PLAIN_ERRORS:
            stream.reconfigure(errors=_SPELLING)


def _spelt_out(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # nothing is decoded from these streams
    unknown = error.object[error.start : error.end]
    return "".join(_SPELT.get(char) or escaped(char) for char in unknown), error.end


def columns(descriptor: int) -> int | None:
    """Return the width of the terminal at a descriptor; None if there is none or it is unknown."""
    try:
        return os.get_terminal_size(descriptor).columns or None
    except OSError:
        return None
