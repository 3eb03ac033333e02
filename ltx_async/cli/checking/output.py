"""Where the records of `check` go, and in which format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.options import FILE_NAME, F
from ltx_async.cli.terminal.messages import Talk
from ltx_async.models import Lookup
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.formats import FORMATS, SUFFIXES, open_output
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.scanner import TextFormat
from ltx_async.results.stream import (
    STANDARD_OUTPUT,
    is_standard_output,
    is_stream,
    open_stream,
)
from ltx_async.results.text_file import Writer
from ltx_async.wording import counted

_STREAMED: Final = {form.name: form.text for form in FORMATS if form.text is not None}


def _name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """Give standard output one name."""
    return STANDARD_OUTPUT if is_standard_output(name) else name


_OPTIONS: Final = (
    click.option(
        "-o",
        "--output",
        type=FILE_NAME,
        callback=_name,
        default=STANDARD_OUTPUT,
        metavar="OUT|-",
        help=f"Results: {SUFFIXES}.  [stdout]",
    ),
    click.option(
        "--format",
        "output_format",
        type=click.Choice(list(_STREAMED)),
        help="What goes to standard output or a named pipe.  [jsonl]",
    ),
    click.option("--overwrite", is_flag=True, help="Replace OUT if it exists."),
    click.option(
        "--resume", is_flag=True, help="Go on with OUT: ask only what it has no record of."
    ),
    click.option(
        "--retry-failed", is_flag=True, help="The same, and ask its failed records again."
    ),
)


def output_options(command: F) -> F:
    """Add the options of where results go to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


async def open_writer(options: CheckOptions, earlier: EarlierRecords, talk: Talk) -> Writer[Lookup]:
    """Open the output; say what was found in one that is continued.

    Args:
        options: which output.
        earlier: is given the records in it.
        talk: is told of them.

    Raises:
        FileError: it cannot be opened.
    """
    if is_stream(options.output):
        return await open_stream(options.output, _streamed(options))
    writer = await open_output(Path(options.output), options.existing, earlier)
    for remark in earlier.remarks:
        talk.say(f"{options.output}: {remark}")
    if earlier.count:
        talk.say(f"{options.output}: going on after {counted(earlier.count, 'record')}")
    return writer


def _streamed(options: CheckOptions) -> TextFormat:
    """Return the format that was asked for, or that the name of a pipe means, or JSON Lines."""
    if options.output_format is not None:
        return _STREAMED[options.output_format]
    suffix = Path(options.output).suffix.lower()
    return next((one.text for one in FORMATS if one.text and suffix in one.suffixes), JSON_LINES)
