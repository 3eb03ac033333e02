"""What a failed call of SQLite means for an output, and what to do about it."""

from __future__ import annotations

import sqlite3
import sys
from typing import Final

from ltx_async.files.errors import OutputFailedError
from ltx_async.results.sqlite.waiting import is_locked

COMMITTED: Final = "What was committed is safe; make room, then continue with --resume."
"""What to do where the disk is full."""


def database_failure(error: sqlite3.Error, name: str) -> OutputFailedError:
    """Say what a failed call of SQLite means for the output `name`."""
    code = getattr(error, "sqlite_errorcode", None)
    limited = code == sqlite3.SQLITE_IOERR_WRITE and _is_limited()  # SQLite hides EFBIG
    if code == sqlite3.SQLITE_FULL or limited:
        reason = "no file may grow any more: see `ulimit -f`" if limited else error
        return OutputFailedError(
            f"{name}: disk full ({reason})",
            hint=COMMITTED,
        )
    if is_locked(error):
        return OutputFailedError(
            f"{name}: another program has locked the database.",
            hint="What was committed is safe; end that program, then continue with --resume.",
        )
    return OutputFailedError(f"{name}: {error}")


def _is_limited() -> bool:
    """Whether the size of files that this process writes is limited, as by `ulimit -f`."""
    limited = False
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - POSIX alone has it

        limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
    return limited
