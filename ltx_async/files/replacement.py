"""Put a new version of a file in the place of an old one, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from attrs import define

from ltx_async.files.errors import write_failure
from ltx_async.files.private import open_private
from ltx_async.files.sync import sync_directory


@define
class Replacement:
    """A locked, private file beside another one, whose place it takes once it is on the disk.

    Raises (from every method but `discard`):
        CommandError: the disk is full, or the file cannot be written.
    """

    _path: Path
    _temporary: Path
    _descriptor: int

    @classmethod
    def of(cls, path: Path) -> Replacement:
        """Begin a replacement of `path`, whose lock the caller has.

        What a killed process left of an earlier one is removed: it was never put in place.
        """
        temporary = path.with_name(f".{path.name}.new")
        with contextlib.suppress(OSError):
            temporary.unlink()
        return cls(path, temporary, open_private(temporary, overwrite=False, locked=True))

    def write(self, data: bytes) -> None:
        """Append `data`."""
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            failure = write_failure(error, str(self._path))
        else:
            return
        raise failure

    def put_in_place(self) -> int:
        """Take the place of the file; return the descriptor, locked and open for appending."""
        try:
            os.fsync(self._descriptor)
            self._temporary.replace(self._path)
            sync_directory(self._path.parent)
        except OSError as error:
            failure = write_failure(error, str(self._path))
        else:
            return self._descriptor
        raise failure

    def discard(self) -> None:
        """Leave the file as it was."""
        os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self._temporary.unlink()
