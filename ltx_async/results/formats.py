"""Which output a name means, and what to do with one that exists."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path, PurePath
from typing import Final

from ltx_async.files.errors import OutputRefusedError
from ltx_async.results.csv_format import CSV
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.record import EarlierRecords
from ltx_async.results.sqlite.opening import create_database, resume_database
from ltx_async.results.text_file import FileWriter, Writer
from ltx_async.results.text_resume import resume_text

TEXT_FORMATS: Final = {".jsonl": JSON_LINES, ".csv": CSV}
DATABASES: Final = frozenset({".sqlite", ".db"})


class Existing(Enum):
    """What to do with an output that is there already."""

    REFUSE = auto()
    OVERWRITE = auto()
    RESUME = auto()
    RETRY_FAILED = auto()

    @property
    def continues(self) -> bool:
        """Whether its records count."""
        return self in {Existing.RESUME, Existing.RETRY_FAILED}


def verify_output(name: str) -> None:
    """Refuse an output whose suffix names no format.

    Raises:
        OutputRefusedError: with the suffixes that do.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in TEXT_FORMATS and suffix not in DATABASES:
        raise OutputRefusedError(
            f"{name}: no output format is called {suffix or 'nothing'!r}.",
            hint="End the name in .jsonl, .csv, .sqlite or .db.",
        )


async def open_output(path: Path, existing: Existing, earlier: EarlierRecords) -> Writer:
    """Open the output at `path` by its suffix.

    Args:
        path: the file.
        existing: what to do if it is there.
        earlier: is given the records of an output that is continued.

    Raises:
        FileError: it must not be there, is in use, is something else, or cannot be written.
    """
    if existing is Existing.REFUSE and _is_there(path):
        raise OutputRefusedError(
            f"{path}: exists already.",
            hint="Continue it with --resume, replace it with --overwrite, or choose another name.",
        )
    overwrite, retry_failed = (
        existing is Existing.OVERWRITE,
        existing is Existing.RETRY_FAILED,
    )
    text_format = TEXT_FORMATS.get(path.suffix.lower())
    if text_format is None:
        if existing.continues:
            return await resume_database(path, earlier, retry_failed=retry_failed)
        return await create_database(path, overwrite=overwrite)
    if existing.continues:
        return await resume_text(path, text_format, earlier, retry_failed=retry_failed)
    return FileWriter.create(path, text_format, overwrite=overwrite)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:  # nothing there, or no name that can be: opening it will say which
        return False
    return True
