"""The options that say what the inputs are, for every command that reads some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from attrs import frozen

from ltx_async.inputs.input import HowToRead
from ltx_async.inputs.kinds import Format
from ltx_async.inputs.reading import how_to_read

F = TypeVar("F", bound=Callable[..., Any])


@frozen
class InputOptions:
    """What was said about the inputs; names as on the command line."""

    column: str | None
    input_format: str | None
    delimiter: str | None
    encoding: str | None
    extract: bool

    def how(self, tell: Callable[[str], None]) -> HowToRead:
        """Return how to read the inputs; `tell` hears what was taken for granted.

        Raises:
            ConfigurationError: something was said that there is not.
            InputError: likewise, of an encoding.
        """
        return how_to_read(
            format=self.input_format,
            column=self.column,
            delimiter=self.delimiter,
            encoding=self.encoding,
            extract=self.extract,
            tell=tell,
        )

    @property
    def given(self) -> bool:
        """Whether anything was said at all."""
        return self != InputOptions(None, None, None, None, extract=False)


_OPTIONS: Final = (
    click.option("--column", metavar="NAME", help="Where in a table the emails are.  [email]"),
    click.option(
        "--input-format",
        type=click.Choice([form.value for form in Format]),
        metavar="FORMAT",
        help="What FILE is: text, csv, tsv, jsonl or json.  [by its name and content]",
    ),
    click.option("--delimiter", metavar="CHAR", help="What separates the cells of a table."),
    click.option("--encoding", metavar="NAME", help="Of the text in FILE.  [utf-8]"),
    click.option("--extract", is_flag=True, help="Take addresses out of lines that hold more."),
)


def input_options(command: F) -> F:
    """Add the options of `InputOptions` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
