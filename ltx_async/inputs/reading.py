"""Read entries and emails out of files, pipes and streams."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import IO, Any, Final

from attrs import evolve

from ltx_async.errors import ConfigurationError
from ltx_async.files.errors import InputError
from ltx_async.inputs.decoding import verify_encoding
from ltx_async.inputs.emails import DistinctEmails
from ltx_async.inputs.entries import Entry
from ltx_async.inputs.input import HowToRead, Input
from ltx_async.inputs.kinds import InputFormat
from ltx_async.inputs.sequence import InputSequence
from ltx_async.inputs.source import ByteSource, StreamSource

_logger: Final = logging.getLogger("ltx_async")
_DELIMITERS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


def how_to_read(
    *,
    format: str | None = None,  # noqa: A002 - as the option is called
    column: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    extract: bool = False,
    tell: Callable[[str], None] = _logger.info,
) -> HowToRead:
    """Check what the user said about an input, and return it.

    Raises:
        ConfigurationError: there is no such format or delimiter.
    """
    if format is not None and format not in list(InputFormat):
        raise ConfigurationError(
            f"{format!r} is no input format", hint=f"Choose one of {', '.join(InputFormat)}."
        )
    if delimiter is not None:
        delimiter = _DELIMITERS.get(delimiter, delimiter)
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise ConfigurationError(
                f"{delimiter!r} is no delimiter", hint="Name one character, or tab."
            )
    return HowToRead(
        format=None if format is None else InputFormat(format),
        column=column,
        delimiter=delimiter,
        encoding=None if encoding is None else verify_encoding(encoding),
        extract=extract,
        tell=tell,
    )


async def read_entries(
    source: str | os.PathLike[str] | IO[Any],
    *,
    format: str | None = None,  # noqa: A002
    column: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    extract: bool = False,
) -> AsyncIterator[Entry]:
    """Read every entry of an input: those with an email to ask for, and those without.

    What an input is, is told by its name and by what it plainly begins with: text with one
    email per line, CSV and its kin, TSV, JSON Lines, JSON, results of `check` in any format,
    each of them perhaps in gzip. It is read as it is needed, in bounded memory.

    Args:
        source: the path of a file, or a stream, binary or text; it is left open.
        format: `text`, `csv`, `tsv`, `jsonl` or `json`, where the name does not say it.
        column: the column or field with the emails, `email` unless said otherwise; names
            of nested objects are joined by dots.
        delimiter: what stands between the cells of a table; `tab` for a tabulator.
        encoding: of bytes without a byte order mark, UTF-8 unless said otherwise; a text
            stream has been decoded.
        extract: take the addresses out of entries that are more than one plain address.

    Raises:
        InputError: the input cannot be read, or is of a kind that cannot be read. What
            came before was given out.
        ConfigurationError: there is no such format or delimiter.
    """
    how = how_to_read(
        format=format, column=column, delimiter=delimiter, encoding=encoding, extract=extract
    )
    opened: ByteSource | StreamSource
    if isinstance(source, str | os.PathLike):
        opened = ByteSource.open(os.fspath(source))
    else:
        opened = StreamSource(str(getattr(source, "name", "the stream")), source)
        if hasattr(source, "encoding"):  # as streams of text have
            how = evolve(how, encoding=None)
    one = Input(opened, how)
    try:
        while not one.exhausted:
            for entry in await one.read():
                yield entry
    finally:
        one.close()


async def read_emails(  # noqa: D417 - the other arguments are those of read_entries
    source: str | os.PathLike[str] | IO[Any],
    *,
    format: str | None = None,  # noqa: A002
    column: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    extract: bool = False,
    on_refused: Callable[[Entry], object] | None = None,
) -> AsyncIterator[str]:
    """Read the emails of an input, repeated ones too; takes what `read_entries` takes.

    Args:
        on_refused: is called with each entry that has no email, and the reading goes on.

    Raises:
        InputError: as `read_entries`; and, without `on_refused`, at the first entry that
            has no email.
    """
    entries = read_entries(
        source,
        format=format,
        column=column,
        delimiter=delimiter,
        encoding=encoding,
        extract=extract,
    )
    async for entry in entries:
        if entry.email is not None:
            yield entry.email
        elif on_refused is not None:
            on_refused(entry)
        else:
            raise InputError(
                f"line {entry.line} of the input: {entry.text!r}: {entry.reason}.",
                hint="Mend it, or pass on_refused= to go on without it.",
            )


def open_emails(names: Sequence[str], how: HowToRead) -> DistinctEmails:
    """Open inputs whose emails are to be asked for, each once.

    Raises:
        InputError: the first of them cannot be read.
    """
    return DistinctEmails(InputSequence.open(names, how))


def open_file(name: str, how: HowToRead) -> DistinctEmails:
    """Open a file that is read again and again.

    Raises:
        InputError: it is no regular file, or it cannot be read.
    """
    # A pipe would be empty the next time, and might block this time.
    if not _may_be_a_file(Path(name)):
        raise InputError(f"{name}: is no regular file.", hint="Each round reads it again.")
    return open_emails([name], how)


def _may_be_a_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # opening it will say what is wrong
        return True
