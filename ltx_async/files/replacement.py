"""Put a new version of a file in the place of an old one, whole or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path

from attrs import define

from ltx_async.files.open_file import OpenFile
from ltx_async.files.private import open_private


@define
class Replacement:
    """A locked, private file beside another one, whose place it takes once it is on the disk.

    Raises (from every method but `discard`):
        OutputFailedError: the disk is full, or the file cannot be written.
    """

    _path: Path
    _temporary: Path
    _file: OpenFile

    @classmethod
    def of(cls, path: Path) -> Replacement:
        """Begin a replacement of `path`, whose lock the caller has.

        What a killed process left of an earlier one is removed: it was never put in place.
        """
        temporary = path.with_name(f".{path.name}.new")
        with contextlib.suppress(OSError):
            temporary.unlink()
        file = open_private(temporary, overwrite=False, locked=True)
        file.name = str(path)
        return cls(path, temporary, file)

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._file.write(data)

    def put_in_place(self) -> OpenFile:
        """Take the place of the file; return the new one, locked and open for appending."""
        self._file.sync()
        self._file.move_to(self._path)
        return self._file

    def discard(self) -> None:
        """Leave the file as it was."""
        self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()
