"""Make text from servers and files harmless on a terminal."""

from __future__ import annotations


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
