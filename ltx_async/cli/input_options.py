"""The options that describe the inputs of a command."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from ltx_async.inputs.input import HowToRead
from ltx_async.inputs.reading import how_to_read


@frozen
class InputOptions:
    """The options that describe the inputs; names as on the command line."""

    column: str | None
    input_format: str | None
    delimiter: str | None
    encoding: str | None
    extract: bool

    def how(self, tell: Callable[[str], None]) -> HowToRead:
        """Return how to read the inputs; `tell` is called with each assumption that is made.

        Raises:
            ConfigurationError: there is no such format or delimiter.
            InputError: there is no such encoding.
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
        """Whether any of the options was given."""
        return self != InputOptions(None, None, None, None, extract=False)
