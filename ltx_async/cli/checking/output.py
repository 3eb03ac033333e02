"""Where the records of `check` go, and in which format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ltx_async.cli.checking.options import CheckOptions
from ltx_async.cli.terminal.account_table import AccountLines
from ltx_async.cli.terminal.encoding import columns
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.models import Lookup
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.formats import FORMATS, open_output
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.output import Output, Writer
from ltx_async.results.stream import STANDARD_OUTPUT, is_stream, open_stream, standard_output
from ltx_async.results.text.format import TextFormat
from ltx_async.wording import counted, inert, moment

_WIDTH: Final = 80  # columns of a terminal whose width is unknown
_STREAMED: Final = {form.name: form.text for form in FORMATS if form.text is not None}


async def open_writer(
    options: CheckOptions, earlier: EarlierRecords, talk: Talk, base_url: str
) -> tuple[Writer[Lookup], Output[Lookup] | None]:
    """Open the output, which is returned twice if it is a file of results.

    If an output is continued, it says what was found in it. On a terminal, without an output
    and a format, aligned lines for people are printed instead of records.

    Args:
        options: which output.
        earlier: is given the records in it.
        talk: is told of them.
        base_url: where this run asks.

    Raises:
        FileError: it cannot be opened.
    """
    if options.output == STANDARD_OUTPUT and options.output_format is None and is_terminal(1):
        return standard_output(AccountLines(columns(1) or _WIDTH)), None
    if is_stream(options.output):
        return await open_stream(options.output, _streamed(options)), None
    writer = await open_output(Path(options.output), options.existing, earlier)
    for remark in earlier.remarks:
        talk.say(f"{options.output}: {remark}")
    if earlier.count:
        oldest = "" if earlier.oldest is None else f", the oldest of {moment(earlier.oldest)}"
        talk.say(f"{options.output}: going on after {counted(earlier.count, 'record')}{oldest}")
    if earlier.again:
        talk.say(
            f"{options.output}: {counted(earlier.again, 'record')} to be asked again, where the "
            "input has them; each stays until then"
        )
    for other in sorted(earlier.base_urls - {base_url}):
        talk.warn(f"{options.output}: has records of {inert(other)}, and this run asks {base_url}")
    return writer, writer


def _streamed(options: CheckOptions) -> TextFormat:
    """Return the format that was asked for, or that the name of a pipe means, or JSON Lines."""
    if options.output_format is not None:
        return _STREAMED[options.output_format]
    suffix = Path(options.output).suffix.lower()
    return next((one.text for one in FORMATS if one.text and suffix in one.suffixes), JSON_LINES)
