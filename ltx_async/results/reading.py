"""Read the results of a check, whatever the format: told by the content, not by the name."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Generator, Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from attrs import define, field

from ltx_async.files.errors import InputError, verify_name
from ltx_async.results.formats import FORMATS
from ltx_async.results.record import Flaw, Record
from ltx_async.results.usual_record import Brief, Item
from ltx_async.wording import counted

_WHAT_TO_NAME: Final = "Name a file written by `check -o`."
_GZIP: Final = b"\x1f\x8b"
_AHEAD: Final = 64 << 10  # bytes; a header of many columns is seen whole


def read_results(path: str | Path, *, accounts: bool = True) -> RecordReader:
    """Read the records of a results file, one after the other and as late as possible.

    JSON Lines, CSV, TSV and SQLite are told apart by their content, the first three in gzip too.
    Fields and columns that are not known are no matter. The file is closed when the last record
    was read, and by `close`.

    Args:
        path: a file that `check -o` or `open_results` has written, even while it is written to.
        accounts: whether records hold the JSON of the accounts beside their columns. To leave it
            out is faster.

    Raises:
        InputError: from the iteration: it cannot be read, or nothing in it is a result.
    """
    return RecordReader(str(path), _items(Path(path), accounts=accounts))


@define(eq=False)
class RecordReader(Iterator[Record]):
    """An iterator over the records of one file, in its order; also a context manager.

    Attributes:
        name: the file as it was named.
    """

    name: str
    _items: Generator[Item]
    _usable: _Usable = field(init=False)
    _brief: Iterator[Brief] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # No generator of the reader's own: the two would hold each other, and the file open.
        self._usable = _Usable(self.name)
        self._brief = self._usable.of(self._items)

    def __next__(self) -> Record:
        record = next(self._brief)
        return record if isinstance(record, Record) else record.record()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was wrong with the file, a sentence each; complete after the last record."""
        return tuple(self._usable.remarks())

    def close(self) -> None:
        """Close the file, whatever is left of it."""
        self._items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@define(eq=False)
class _Usable:
    """What is usable of a file's items, and what was not."""

    name: str
    records: int = 0
    unusable: int = 0
    torn: bool = False

    def of(self, items: Iterator[Item]) -> Iterator[Brief]:
        for item in items:
            self.unusable += self.torn  # only the last record can be torn; others are unusable
            if isinstance(item, Flaw):
                self.torn = item is Flaw.TORN
                self.unusable += item is Flaw.UNUSABLE
            else:
                self.torn = False
                self.records += 1
                yield item
        if not self.records and (self.unusable or self.torn):
            raise InputError(
                f"{self.name}: not one line of it is a result of a check.", hint=_WHAT_TO_NAME
            )

    def remarks(self) -> Iterator[str]:
        if self.torn:
            yield "The last record is torn, so the run was cut off; `check --resume` completes it."
        if self.unusable:
            yield f"Left out, as not understood: {counted(self.unusable, 'record')}."


def brief_records(reader: RecordReader) -> Iterator[Brief]:
    """Return the records that are left of a file, as it is quickest to read them."""
    return reader._brief  # noqa: SLF001 - of the same module


def _unpacked(file: BinaryIO) -> BufferedReader:
    from gzip import GzipFile  # noqa: PLC0415 - for such a file only

    return BufferedReader(cast("RawIOBase", GzipFile(fileobj=file)), _AHEAD)


def _items(path: Path, *, accounts: bool) -> Generator[Item]:
    verify_name(path, InputError)
    try:
        with BufferedReader(path.open("rb", buffering=0), _AHEAD) as file:
            # Peek, because a pipe cannot be rewound.
            packed = file.peek().startswith(_GZIP)
            opened = _unpacked(file) if packed else file
            start = opened.peek()
            form = next((one for one in FORMATS if one.recognises(start)), None)
            if packed and form is not None and form.text is None:
                raise InputError(f"{path}: is {form.title} in gzip.", hint="Unpack it with gunzip.")
            if form is not None:
                yield from form.read(path, opened, accounts=accounts)
                return
    except OSError as error:
        reason = error.strerror or str(error)
    except EOFError:
        raise InputError(
            f"{path}: the gzip data end too early.", hint="Get the whole of it."
        ) from None
    except (sqlite3.Error, zlib.error) as error:
        reason = str(error)
    else:
        known = ", ".join(one.title for one in FORMATS)
        reason = f"is no results of a check ({known})"
    raise InputError(f"{path}: {reason}.", hint=_WHAT_TO_NAME)
