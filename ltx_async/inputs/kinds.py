"""The format of an input, by the option, by its name, or by how it begins."""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from pathlib import PurePath
from typing import Final

from attrs import frozen

from ltx_async.files.errors import InputError
from ltx_async.inputs.tables import looks_like_a_header


class InputFormat(StrEnum):
    """How emails may lie in an input."""

    TEXT = "text"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    JSON = "json"


LONGEST_BEGINNING: Final = 64 << 10
"""Bytes of an input that are looked at to find out what it is."""

_BY_SUFFIX: Final = {
    ".csv": InputFormat.CSV,
    ".tsv": InputFormat.TSV,
    ".jsonl": InputFormat.JSONL,
    ".ndjson": InputFormat.JSONL,
    ".json": InputFormat.JSON,
}
_TABLES: Final = frozenset({InputFormat.CSV, InputFormat.TSV})
_JSON_LINE: Final = re.compile(rb'\{\s*(?:"|\}|$)')
_JSON_ARRAY: Final = re.compile(rb'\[\s*(?:$|[]{"])')
_UTF16: Final = re.compile(rb"(?:[\t\n\r -~]\0){4}|(?:\0[\t\n\r -~]){4}")


@frozen
class _Foreign:
    """A kind of file that holds no text.

    Attributes:
        magic: what its bytes begin with, a pattern.
        what: its name, with an article.
        way_out: what to do; `{name}` stands for the file, as a shell takes it, and `{plain}`
            for a name that needs no quotes, else for FILE.
    """

    magic: re.Pattern[bytes]
    what: str
    way_out: str


def _foreign(magic: bytes, what: str, way_out: str) -> _Foreign:
    return _Foreign(re.compile(magic, re.DOTALL | re.IGNORECASE), what, way_out)


_SHEET: Final = "Save the sheet as CSV (UTF-8), and check that."
_COPY: Final = (
    "Turn it into CSV: duckdb -c \"copy (select email from '{plain}') to 'emails.csv'\", "
    "then check that."
)
_FOREIGN: Final = (
    _foreign(rb"PK\x03\x04.*(?:\[Content_Types\]|xl/)", "an Excel workbook", _SHEET),
    _foreign(rb"PK\x03\x04.*opendocument", "an OpenDocument file", _SHEET),
    _foreign(rb"PK\x03\x04", "a ZIP archive", "Do: unzip -p {name} | ltx-async check -"),
    _foreign(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", _SHEET),
    _foreign(rb"PAR1", "a Parquet file", _COPY),
    _foreign(
        rb"(?:ARROW1|FEA1)", "an Arrow file", "Turn it into CSV with pandas, polars or DuckDB."
    ),
    _foreign(rb"Obj\x01", "an Avro file", "Turn it into JSON Lines, with avro-tools tojson."),
    _foreign(rb"\x28\xb5\x2f\xfd", "zstd data", "Do: zstdcat {name} | ltx-async check -"),
    _foreign(rb"BZh[1-9]1AY&SY", "bzip2 data", "Do: bzcat {name} | ltx-async check -"),
    _foreign(rb"\xfd7zXZ\0", "xz data", "Do: xzcat {name} | ltx-async check -"),
    _foreign(rb"\x04\x22\x4d\x18", "LZ4 data", "Do: lz4cat {name} | ltx-async check -"),
    _foreign(rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first."),
    _foreign(rb".{257}ustar", "a tar archive", "Do: tar -xOf {name} | ltx-async check -"),
    _foreign(rb"%PDF-", "a PDF", "Do: pdftotext {name} - | ltx-async check - --extract"),
    _foreign(rb"\{\\rtf", "a rich text document", "Save it as plain text."),
    _foreign(
        rb"\s*BEGIN:VCARD",
        "a file of vCards",
        "Do: grep -i '^[a-z0-9.]*email' {name} | ltx-async check - --extract",
    ),
    _foreign(rb"\s*<(?:!doctype|\?xml|html|table|!--)", "HTML or XML", "Save the data as CSV."),
)


def verify_kind(name: str, beginning: bytes, path: str | None = None) -> None:
    """Refuse a file that holds no text, whatever it is called.

    Args:
        name: what to call it in messages.
        beginning: its first bytes.
        path: where it lies, if it is a file.

    Raises:
        InputError: with its kind, and a way to have its emails read.
    """
    for kind in _FOREIGN:
        if kind.magic.match(beginning):
            quoted = "FILE" if path is None else shlex.quote(path)  # for a shell
            hint = kind.way_out.format(name=quoted, plain=quoted if quoted == path else "FILE")
            raise InputError(f"{name}: is {kind.what}, not text.", hint=hint)


def verify_encoded(name: str, beginning: bytes) -> None:
    """Refuse UTF-16 that has no mark, and was not said to be it.

    Raises:
        InputError: with the option that says it.
    """
    if (found := _UTF16.match(beginning)) is not None:
        order = "be" if found[0].startswith(b"\0") else "le"
        raise InputError(
            f"{name}: seems to be UTF-16 without a mark.", hint=f"Say so: --encoding utf-16-{order}"
        )


def format_by_name(name: str) -> InputFormat | None:
    """Return the format that the suffix of a name means, one before `.gz` too."""
    path = PurePath(name.lower())
    if path.suffix == ".gz":
        path = PurePath(path.stem)
    return _BY_SUFFIX.get(path.suffix)


def detected_format(name: str, first_line: bytes, column: str, *, searched: bool) -> InputFormat:
    """Return the format of an input that nobody has named.

    Args:
        name: of the file.
        first_line: the first one that is not blank.
        column: the name of the column with the emails.
        searched: whether addresses are extracted, so that any text can be an input.

    Raises:
        InputError: its name says another one than its content.
    """
    by_name = format_by_name(name)
    line = first_line.strip()
    if by_name is InputFormat.JSONL:
        return InputFormat.JSON if line == b"[" else InputFormat.JSONL
    if by_name is InputFormat.JSON:
        return by_name
    by_content = _by_content(line, column, to_the_letter=searched)
    if by_name in _TABLES and by_content in {InputFormat.JSON, InputFormat.JSONL}:
        raise InputError(
            f"{name}: is called {by_name}, but holds JSON.",
            hint=f"Say what it is: --input-format {by_content}",
        )
    return by_name or by_content


def _by_content(line: bytes, column: str, *, to_the_letter: bool) -> InputFormat:
    if _JSON_LINE.match(line):
        return InputFormat.JSONL if line.endswith(b"}") else InputFormat.JSON
    if _JSON_ARRAY.match(line):
        return InputFormat.JSON
    header = line.decode("utf-8", "replace")
    if not looks_like_a_header(header, column, to_the_letter=to_the_letter):
        return InputFormat.TEXT
    return InputFormat.TSV if "\t" in header and "," not in header else InputFormat.CSV
