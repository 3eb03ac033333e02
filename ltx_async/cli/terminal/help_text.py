"""How `--help` is laid out: as wide as the terminal is, from 40 columns on."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any, Final

import click

from ltx_async.wording import wrapped

_WIDEST: Final = 79
_NARROWEST: Final = 20  # columns that click needs to lay anything out
_ROOM: Final = 24  # columns; with fewer, an option's text goes below its name
_AS_IT_IS: Final = "\b\n"


class HelpText(click.HelpFormatter):
    """click's layout without its least width of 50 columns, and with room on a narrow terminal."""

    def __init__(self, *_size: Any, **_more: Any) -> None:
        super().__init__(
            width=min(max(shutil.get_terminal_size().columns - 1, _NARROWEST), _WIDEST)
        )

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names with what they mean: beside them, or below where it is narrow."""
        rows = list(rows)
        longest = max((len(name) for name, _ in rows), default=0)
        beside = self.width - self.current_indent - min(longest, col_max) - col_spacing
        if beside >= _ROOM:
            super().write_dl(rows, col_max, col_spacing)
            return
        for name, meaning in rows:
            self._write_lines(name)
            with self.indentation():
                self._write_lines(meaning)

    def write_text(self, text: str) -> None:
        """Write paragraphs; the lines of one that is marked with a backspace stay apart."""
        for number, paragraph in enumerate(text.split("\n\n")):
            if number:
                self.write_paragraph()
            if paragraph.startswith(_AS_IT_IS):
                for line in paragraph.removeprefix(_AS_IT_IS).split("\n"):
                    self._write_lines(line)
            else:
                self._write_lines(" ".join(paragraph.split()))

    def _write_lines(self, text: str) -> None:
        margin = " " * self.current_indent
        room = self.width - self.current_indent
        indent = len(text) - len(text.lstrip())
        hanging = indent + 2 if indent else 0
        self.write("".join(f"{margin}{line}\n" for line in wrapped(text, room, indent=hanging)))


class Context(click.Context):
    """A context whose help is laid out so."""

    formatter_class: type[click.HelpFormatter] = HelpText
