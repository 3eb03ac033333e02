"""From the bytes of a file to lines of UTF-8: gzip, other encodings, every kind of line end."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from typing import Final

from attrs import define, field

from ltx_async.codec.emails import LONGEST_RECORD
from ltx_async.files.errors import InputCutError, InputError

LONGEST_LINE: Final = LONGEST_RECORD
"""Bytes of a line that are kept; every line that `check` writes is shorter."""

_GZIP: Final = b"\x1f\x8b"
_WITH_GZIP_HEADER: Final = 31
_UNPACKED: Final = 256 << 10
_MARKS: Final = (  # the longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LONGEST_MARK: Final = 4


def verify_encoding(name: str) -> str:
    """Return the name of an encoding of text that Python knows.

    Raises:
        InputError: there is none of this name.
    """
    try:
        codec = codecs.lookup(name)
        b"x".decode(name, "replace")  # fails for codecs such as base64 and rot13
    except (LookupError, ValueError):
        pass
    else:
        if codec.name != "punycode":  # it is of labels of host names, and would lose most lines
            return codec.name
    raise InputError(
        f"{name!r} is no encoding of text.",
        hint="Name one such as utf-8, latin-1, cp1252, utf-16-le or shift_jis.",
    )


@define
class Unpacker:
    """Unpacks gzip as it arrives, a bounded piece at a time; anything else passes as it is."""

    _packed: bool | None = field(default=None, init=False)
    _inflate: zlib._Decompress | None = field(default=None, init=False)
    _begun: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, *, last: bool) -> Iterator[bytes]:
        """Return what `data` holds.

        Raises:
            InputError: it is no gzip any more.
            InputCutError: it ends before its end.
        """
        if self._packed is None:
            data, self._begun = self._begun + data, b""
            if len(data) < len(_GZIP) and not last:
                self._begun = data
                return
            self._packed = data.startswith(_GZIP)
        if not self._packed:
            yield data
            return
        yield from self._unpacked(data)
        if last and self._inflate is not None:
            raise InputCutError("the gzip data end too early.")

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        try:
            while data.strip(b"\0") if self._inflate is None else data:
                if self._inflate is None:  # another member may follow (RFC 1952 2.2)
                    self._inflate = zlib.decompressobj(_WITH_GZIP_HEADER)
                yield self._inflate.decompress(data, _UNPACKED)
                data = self._inflate.unconsumed_tail
                if self._inflate.eof:
                    data, self._inflate = self._inflate.unused_data, None
        except zlib.error as error:
            problem = str(error)
        else:
            return
        raise InputError(f"the gzip data are damaged: {problem}.")


@define
class Transcoder:
    """Turns text of any encoding into UTF-8, and leaves UTF-8 as it is.

    A byte order mark says more than the encoding that was named; without both it is UTF-8.
    """

    _encoding: str | None
    _decoder: codecs.IncrementalDecoder | None = field(default=None, init=False)
    _known: bool = field(default=False, init=False)
    _begun: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, *, last: bool) -> bytes:
        """Return the text of `data` in UTF-8; what cannot be decoded becomes U+FFFD.

        Raises:
            InputError: the encoding has no such stand-in, or begins with a mark that is missing.
        """
        if not self._known:
            data, self._begun = self._begun + data, b""
            if len(data) < LONGEST_MARK and not last:
                self._begun = data
                return b""
            data = self._begin(data)
        if self._decoder is None:
            return data
        try:
            return self._decoder.decode(data, last).encode("utf-8", "surrogatepass")
        except UnicodeError as error:
            problem = getattr(error, "reason", str(error))
        raise InputError(
            f"the text is not in {self._encoding}: {problem}.",
            hint="Name another encoding, such as utf-16-le, utf-16-be or cp1252.",
        )

    def _begin(self, data: bytes) -> bytes:
        self._known = True
        mark, encoding = next((one for one in _MARKS if data.startswith(one[0])), (b"", None))
        encoding = encoding or self._encoding or "utf-8"
        if encoding == "utf-8":
            return data.removeprefix(mark)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        return data


@define
class LineSplitter:
    """Cuts bytes into lines, in bounded memory: what a line has beyond the limit is dropped."""

    limit: int = field(factory=lambda: LONGEST_LINE)
    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes, *, last: bool = False) -> list[bytes]:
        """Return the lines that `data` completes, with their ends; with `last`, the rest too."""
        if len(self._rest) >= self.limit:
            data = self._after_cut(data)
            if not data and not last:  # copies nothing while an overlong line goes on
                return []
        lines = (self._rest + data).splitlines(keepends=True)
        self._rest = b""
        # A CR may be half of a CRLF whose LF comes with the next piece.
        if lines and not last and not lines[-1].endswith(b"\n"):
            self._rest = lines.pop()[: self.limit]
        return lines

    def _after_cut(self, data: bytes) -> bytes:
        if self._rest.endswith(b"\r"):
            return data
        ends = [end for end in (data.find(b"\n"), data.find(b"\r")) if end >= 0]
        return data[min(ends) :] if ends else b""
