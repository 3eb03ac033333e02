"""Continue a JSON Lines or CSV output: take its records in, mend its end, append to it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.open_file import PRIVATE, OpenFile
from ltx_async.files.private import reopen_private
from ltx_async.files.replacement import Replacement
from ltx_async.models import Outcome
from ltx_async.results.record import EarlierRecords, Finished
from ltx_async.results.scanner import LONGEST_RECORD, RecordFormat, Scanner, UnusableOutputError
from ltx_async.results.text_file import FileWriter

_LINES_AT_A_TIME: Final = 500
_PIECE: Final = 1 << 20
_NOT_OURS: Final = (
    "Nothing was changed: mend or remove that line, choose another output, or --overwrite."
)


async def resume_text(
    path: Path, record_format: RecordFormat, earlier: EarlierRecords, *, retry_failed: bool
) -> FileWriter:
    """Open an output for the rest of its records; one that is not there is created.

    Args:
        path: the output.
        record_format: what it is written in.
        earlier: is given every record that stays.
        retry_failed: leave out the failed records, in a new file that replaces the old one.

    Raises:
        FileError: it is locked, cannot be read or written, or holds something else.
    """
    try:
        file = reopen_private(path)
    except FileNotFoundError:
        return FileWriter.create(path, record_format, overwrite=False)
    scanner = Scanner(record_format.layout, record_format.header)
    try:
        if retry_failed:
            file = await _without_failed(file, path, scanner, earlier)
        else:
            await _scan(file, scanner, lambda finished, _: earlier.add(finished))
            file.set_mode(PRIVATE)
            if scanner.torn:
                file.truncate(scanner.whole)
    except BaseException:
        file.close()
        raise
    earlier.repaired = scanner.torn > 0
    begun = retry_failed or scanner.whole
    return FileWriter.at_end(file, record_format, empty=not begun)


async def _scan(file: OpenFile, scanner: Scanner, take: Callable[[Finished, bytes], None]) -> None:
    """Take the whole records of a file, and let the loop hear signals between them."""
    try:
        with os.fdopen(os.dup(file.descriptor), "rb") as reading:
            while line := reading.readline(LONGEST_RECORD):
                if (record := scanner.feed(line)) is not None:
                    take(*record)
                if not scanner.lines % _LINES_AT_A_TIME:
                    await asyncio.sleep(0)
        scanner.finish()
    except UnusableOutputError as error:
        raise OutputRefusedError(f"{file.name}, {error}.", hint=_NOT_OURS) from error
    except OSError as error:
        raise OutputFailedError(f"{file.name}: {error.strerror}.") from error


async def _without_failed(
    file: OpenFile, path: Path, scanner: Scanner, earlier: EarlierRecords
) -> OpenFile:
    """Replace a file by one without failed records; return that one, the old one closed."""
    with Replacement.of_locked(path) as replacement:
        kept = bytearray(scanner.header)

        def take(finished: Finished, data: bytes) -> None:
            if finished.outcome is not Outcome.FAILED:
                earlier.add(finished)
                kept.extend(data)
            if len(kept) >= _PIECE:
                replacement.file.write(bytes(kept))
                kept.clear()

        await _scan(file, scanner, take)
        replacement.file.write(bytes(kept))
        successor = replacement.put_in_place()
    file.close()
    return successor
