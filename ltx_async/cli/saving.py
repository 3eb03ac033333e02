"""Files that a command replaces without being told to: only those that it wrote itself."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from ltx_async.files.errors import OutputRefusedError
from ltx_async.files.private import verify_distinct, verify_replaceable

_LOOKED_AT: Final = 4096
_STREAMS: Final = range(3)


@frozen
class SavedFile:
    """What an option saves in a file, and how such a file begins.

    Attributes:
        option: its name.
        title: what the file is, for messages.
    """

    option: str
    title: str
    _beginning: re.Pattern[bytes]

    def verify(self, path: Path, *others: Path | str | None) -> None:
        """Refuse, before anything is asked, a file in whose place this must not be put.

        Args:
            path: what the option was given.
            others: what is read or written too; `-` and None are nothing.

        Raises:
            click.UsageError: it means standard output.
            OutputRefusedError: it is one of the others, it is there and was not written by this
                option, or nothing could be written to it.
        """
        verify_named(self.option, path)
        verify_distinct(path, *others)
        verify_replaceable(path)
        with contextlib.suppress(FileNotFoundError):
            self._verify_kind(path)

    def _verify_kind(self, path: Path) -> None:
        status = path.stat()
        if any(os.path.samestat(status, one) for one in map(_opened, _STREAMS) if one is not None):
            raise OutputRefusedError(f"{path}: is needed for something else.")
        try:
            with path.open("rb") as file:
                begins = file.read(_LOOKED_AT)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OutputRefusedError(f"{path}: {error.strerror}.") from error
        if begins and self._beginning.match(begins) is None:
            raise OutputRefusedError(
                f"{path}: exists already, and is no {self.title}.",
                hint=f"Choose another name for {self.option}: it would take the place of that.",
            )


def verify_named(option: str, path: Path) -> None:
    """Refuse `-`, which would make a file of this name where standard output is meant.

    Raises:
        click.UsageError: it is that.
    """
    if str(path) == "-":
        raise click.UsageError(f"{option} needs the name of a file: - is none.")


def _opened(descriptor: int) -> os.stat_result | None:
    """Return the state of a standard stream, which may be closed."""
    try:
        return os.fstat(descriptor)
    except OSError:
        return None


SUMMARY: Final = SavedFile(
    "--summary-json",
    "summary of an earlier run",
    re.compile(rb'\s*\{\s*"input"\s*:\s*[0-9]+\s*,\s*"ok"\s*:'),
)
METRICS: Final = SavedFile(
    "--metrics-file", "file of metrics of an earlier run", re.compile(rb"# (?:HELP|TYPE) ltx_")
)
