"""The formats of results, each one entry; what to do with an output that exists."""

from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from functools import partial
from io import BufferedIOBase
from pathlib import Path, PurePath
from typing import Final, Protocol

from attrs import frozen

from ltx_async.files.errors import OutputRefusedError
from ltx_async.files.private import verify_replaceable
from ltx_async.models import Lookup
from ltx_async.results.csv_format import CSV, TSV
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.output import Output
from ltx_async.results.sqlite.opening import create_database, resume_database
from ltx_async.results.sqlite.reading import MAGIC, sqlite_items
from ltx_async.results.text.format import TextFormat
from ltx_async.results.text.resume import resume_text
from ltx_async.results.text.scanner import items_in, pieces_of
from ltx_async.results.text.writer import FileWriter
from ltx_async.results.usual_record import Item
from ltx_async.wording import alternatives


class _Read(Protocol):
    def __call__(self, path: Path, file: BufferedIOBase, /, *, accounts: bool) -> Iterator[Item]:
        """Read the records of a file, with the JSON of their accounts or without."""
        ...  # pragma: no cover


class _Create(Protocol):
    def __call__(self, path: Path, *, overwrite: bool) -> Awaitable[Output[Lookup]]:
        """Begin a file; it may exist only to be overwritten."""
        ...  # pragma: no cover


@frozen
class Format:
    """One kind of file that holds results; help, error texts, reading and tests derive from it.

    Attributes:
        name: for an option.
        title: for people.
        suffixes: of file names, lower case.
        recognises: whether a file that begins with these bytes is one.
        read: the records in a file that is open at its beginning.
        create: begins a file.
        resume: continues a file, whose records that are to be renewed stay until they are.
        text: how lookups are written to a pipe or a terminal; None where they cannot be.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    read: _Read
    create: _Create
    resume: Callable[[Path, EarlierRecords], Awaitable[Output[Lookup]]]
    text: TextFormat | None = None


def _text_items(
    form: TextFormat, _path: Path, file: BufferedIOBase, *, accounts: bool
) -> Iterator[Item]:
    return items_in(pieces_of(file), form, accounts=accounts)


def _sqlite_items(path: Path, _file: BufferedIOBase, *, accounts: bool) -> Iterator[Item]:
    return sqlite_items(path, accounts=accounts)


def _text(name: str, title: str, *suffixes: str, form: TextFormat) -> Format:
    async def create(path: Path, *, overwrite: bool) -> Output[Lookup]:
        begin = FileWriter.replacing if overwrite else FileWriter.create
        return begin(path, form)

    async def resume(path: Path, earlier: EarlierRecords) -> Output[Lookup]:
        return await resume_text(path, form, earlier)

    read = partial(_text_items, form)
    return Format(name, title, suffixes, form.recognises, read, create, resume, form)


FORMATS: Final = (
    _text("jsonl", "JSON Lines", ".jsonl", ".ndjson", form=JSON_LINES),
    _text("csv", "CSV", ".csv", form=CSV),
    _text("tsv", "TSV", ".tsv", form=TSV),
    Format(
        "sqlite",
        "SQLite",
        (".sqlite", ".db"),
        recognises=lambda start: start.startswith(MAGIC),
        read=_sqlite_items,
        create=create_database,
        resume=resume_database,
    ),
)
"""Every format, the most usual first."""

SUFFIXES: Final = alternatives(suffix for form in FORMATS for suffix in form.suffixes)
"""What the name of an output may end in, for people."""


class Existing(StrEnum):
    """What to do with an output that is there already."""

    REFUSE = "refuse"
    OVERWRITE = "overwrite"
    RESUME = "resume"


def format_of(name: str | Path) -> Format:
    """Return the format that the suffix of a name means.

    Raises:
        OutputRefusedError: it means none; with the suffixes that do.
    """
    suffix = PurePath(name).suffix.lower()
    for form in FORMATS:
        if suffix in form.suffixes:
            return form
    raise OutputRefusedError(
        f"{name}: no output format is called {suffix or 'nothing'!r}.",
        hint=f"End the name in {SUFFIXES}.",
    )


async def open_output(path: Path, existing: Existing, earlier: EarlierRecords) -> Output[Lookup]:
    """Open the output at `path` by its suffix.

    Args:
        path: the file.
        existing: what to do if it is there.
        earlier: is given the records of an output that is continued.

    Raises:
        FileError: it must not be there, is in use, is something else, or cannot be written.
    """
    if existing is Existing.REFUSE and (mode := _mode_of(path)) is not None:
        if not stat.S_ISREG(mode):  # it can be neither continued nor replaced
            verify_replaceable(path)
        raise OutputRefusedError(
            f"{path}: exists already.",
            hint="Continue it with --resume, replace it with --overwrite, or take another name.",
        )
    form = format_of(path)
    if existing is Existing.RESUME:
        return await form.resume(path, earlier)
    return await form.create(path, overwrite=existing is Existing.OVERWRITE)


def _mode_of(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except OSError:  # nothing is there, or the name is impossible: opening it will tell
        return None
