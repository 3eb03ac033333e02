"""Make text from servers and files harmless on a terminal, and break it between words."""

from __future__ import annotations

import codecs
import io
import os
import sys
import textwrap
from typing import Final

_COMMAND: Final = "ltx-async "
_LEAST: Final = 20
# One for one: lines have been broken to a width by then.
_SPELT: Final = {"→": ">", "…": "~", "—": "-"}
_PLAIN_ERRORS: Final = frozenset({"strict", "backslashreplace"})
_SPELLING: Final = "ltx_async.spelt_out"


def inert(text: str) -> str:
    r"""Return `text` as one line in which nothing moves, colours or reverses anything.

    Control characters (C0, DEL, C1), bidirectional and other format characters, line and
    paragraph separators, lone surrogates and unassigned code points become escapes such as
    `\x1b` and `\u202e`. Markup is no concern here: nothing is ever printed as rich markup.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def clipped(text: str, width: int) -> str:
    """Return `text` made inert and cut to `width` characters, the cut shown as `…`."""
    # Cut first: escaping a megabyte in order to show a line of it would be a waste.
    line = inert(text[: width + 1])
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"


def spell_out_the_unknown() -> None:
    """Let standard output and error write what their encoding has no characters for.

    In a place without UTF-8 the address of one account would else end a run in a traceback.
    """
    codecs.register_error(_SPELLING, _spelt_out)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _PLAIN_ERRORS:
            stream.reconfigure(errors=_SPELLING)


def _spelt_out(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # nothing is decoded from these streams
    unknown = error.object[error.start : error.end]
    return "".join(_SPELT.get(char) or _escape(char) for char in unknown), error.end


def columns(descriptor: int) -> int | None:
    """Return how wide the terminal at a descriptor is; None where there is none, or no saying."""
    try:
        return os.get_terminal_size(descriptor).columns or None
    except OSError:
        return None


def wrapped(text: str, width: int | None, *, indent: int = 2) -> list[str]:
    """Return `text` as lines of at most `width` characters, broken between words alone.

    A longer word, a path or a URL, keeps a line to itself and is left whole, so that it can be
    copied. A command goes on after a backslash, as a shell reads it.

    Args:
        text: one line, inert.
        width: None for no limit.
        indent: spaces before each line but the first.
    """
    if width is None or len(text) <= width:
        return [text]
    is_command = text.lstrip().startswith(_COMMAND)
    lines = textwrap.wrap(
        text,
        max(_LEAST, width - 2 * is_command),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:] if is_command else lines
