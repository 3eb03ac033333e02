"""Cut bytes into lines as they arrive, in bounded memory."""

from __future__ import annotations

from typing import Final

from attrs import define

from ltx_async.codec.emails import LONGEST_RECORD
from ltx_async.files.errors import InputError

LONGEST_LINE: Final = LONGEST_RECORD
"""Bytes of a line that are kept: whatever `check` writes fits."""

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@define
class LineSplitter:
    """Cuts bytes into lines, in memory bounded by LONGEST_LINE: the rest of a line is dropped."""

    _rest: bytes = b""
    _first: bool = True

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, with their ends."""
        if len(self._rest) >= LONGEST_LINE:
            data = self._after_cut(data)
            if not data:  # what is kept is not copied for every piece that is dropped
                return []
        lines = (self._rest + data).splitlines(keepends=True)
        # A CR may be half of a CRLF whose LF comes with the next piece.
        unfinished = bool(lines) and not lines[-1].endswith(b"\n")
        self._rest = lines.pop()[:LONGEST_LINE] if unfinished else b""
        return self._cleaned(lines)

    def finish(self) -> list[bytes]:
        """Return what is left."""
        lines = [self._rest] if self._rest else []
        self._rest = b""
        return self._cleaned(lines)

    def _after_cut(self, data: bytes) -> bytes:
        if self._rest.endswith(b"\r"):
            return data
        ends = [end for end in (data.find(b"\n"), data.find(b"\r")) if end >= 0]
        return data[min(ends) :] if ends else b""

    def _cleaned(self, lines: list[bytes]) -> list[bytes]:
        if lines and self._first:
            self._first = False
            if lines[0].startswith(_UTF16):
                raise InputError("the input is UTF-16 text.", hint="Save it as UTF-8.")
            lines[0] = lines[0].removeprefix(_BOM)
        return lines
