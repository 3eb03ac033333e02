"""Continue a JSON Lines or CSV output: take its records in, mend its end, append to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final

from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.open_file import PRIVATE, OpenFile
from ltx_async.files.private import reopen_private
from ltx_async.files.replacement import Replacement
from ltx_async.models import Lookup
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.text.format import TextFormat
from ltx_async.results.text.scanner import Scanner, UnusableOutputError, read_piece
from ltx_async.results.text.stale import StaleRecords
from ltx_async.results.text.writer import FileWriter

_AT_A_TIME: Final = 1 << 20  # bytes that are written in one go
_BUFFER: Final = 64 << 10  # bytes that are read in one go
_NOT_OURS: Final = (
    "Nothing was changed: mend or remove that line, choose another output, or --overwrite."
)


async def resume_text(path: Path, form: TextFormat, earlier: EarlierRecords) -> FileWriter[Lookup]:
    """Open an output for the rest of its records; one that is not there is created.

    Args:
        path: the output.
        form: what it is written in, where it does not say otherwise itself.
        earlier: is given every record that stays; where some are not to, a new file replaces
            the old one with its first record.

    Raises:
        FileError: it is locked, cannot be read or written, or holds something else.
    """
    try:
        file = reopen_private(path)
    except FileNotFoundError:
        return FileWriter.create(path, form)
    scanner = Scanner(form)
    try:
        take_over = _renewed if earlier.renewal else _continued
        writer = await take_over(file, scanner, earlier)
    except BaseException:
        file.close()
        raise
    earlier.remarks += _remarks(scanner, renewed=bool(earlier.renewal))
    return writer


def _remarks(scanner: Scanner, *, renewed: bool) -> Iterator[str]:
    if scanner.torn and renewed:  # the file is as it was, until there is an answer
        yield "the last record is torn, and is left out"
    elif scanner.torn:
        yield "the last record was torn, and has been cut off"
    if scanner.format.left_out:
        yield f"there is no column for {', '.join(scanner.format.left_out)}: that is left out"


def _content_of(file: OpenFile) -> BufferedReader:
    return BufferedReader(FileIO(os.dup(file.descriptor)), _BUFFER)


async def _scan(file: OpenFile, scanner: Scanner, take: Callable[[bytes], None]) -> None:
    """Take a file piece by piece, and let the loop hear signals between them."""
    try:
        with _content_of(file) as reading:
            while piece := read_piece(reading):
                take(piece)
                await asyncio.sleep(0)
        scanner.finish()
    except UnusableOutputError as error:
        raise OutputRefusedError(f"{file.name}, {error}.", hint=_NOT_OURS) from error
    except OSError as error:
        raise OutputFailedError(f"{file.name}: {error.strerror}.") from error


async def _continued(
    file: OpenFile, scanner: Scanner, earlier: EarlierRecords
) -> FileWriter[Lookup]:
    """Append to a file, of which a torn end is cut off."""

    def take(piece: bytes) -> None:
        for record in scanner.records_in(piece):
            earlier.add(record)

    await _scan(file, scanner, take)
    if scanner.torn:
        file.truncate(scanner.whole)
    if not scanner.whole:  # a file without records was not opened to others on purpose
        file.set_mode(PRIVATE)
    return FileWriter.at_end(file, scanner.format, empty=not scanner.whole)


async def _renewed(file: OpenFile, scanner: Scanner, earlier: EarlierRecords) -> FileWriter[Lookup]:
    """Begin a file without the records to be renewed; the old one stays until there is an answer.

    A token that is refused, or a server that does not answer, costs no result so. What is not
    answered by the end is taken over then.
    """
    replacement = Replacement.of(file)
    try:
        kept = bytearray()

        def take(piece: bytes) -> None:
            for record, data in scanner.with_bytes_in(piece):
                if earlier.renewal.concerns(record):
                    earlier.again += 1
                else:
                    kept.extend(data if earlier.count else scanner.header + data)
                    earlier.add(record)
            if len(kept) >= _AT_A_TIME:
                replacement.file.write(bytes(kept))
                kept.clear()

        await _scan(file, scanner, take)
        replacement.file.write(bytes(kept) if earlier.count else scanner.header)
        if not scanner.whole:
            replacement.file.set_mode(PRIVATE)
        reading = _content_of(file) if earlier.again else None
    except BaseException:
        replacement.discard()
        raise
    if reading is None:
        return FileWriter.of_replacement(replacement, scanner.format)
    stale = StaleRecords(reading, scanner.format, scanner.whole, earlier.renewal)
    return FileWriter.of_replacement(replacement, scanner.format, stale)
