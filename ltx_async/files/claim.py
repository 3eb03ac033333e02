"""A lock for file systems without locks: a file that only one process can make, with its name.

The file outlives a process that is killed, so it says whose it is. On the same machine the next
process finds out that the other has ended, and takes its place; where that cannot be known, the
user is told what to remove. `filelock` does the same by exchanging two names, which FAT, CIFS and
most FUSE file systems cannot do, and it takes two machines with one name for one machine.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from attrs import frozen

from ltx_async.files.errors import OutputRefusedError, opening_failure, write_failure
from ltx_async.files.holder import Holder
from ltx_async.wording import clipped

_SAFELY: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
)
_MAKING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY
_MODE: Final = 0o600
_LONGEST: Final = 4096  # bytes
_LONGEST_NAME: Final = 64  # characters that are shown of a machine's


@frozen
class Claim:
    """A file that says who writes to an output."""

    path: Path
    content: bytes

    def release(self) -> None:
        """Remove the file, unless it was removed already and another process made a new one."""
        with contextlib.suppress(OSError):
            if _content(self.path) == self.content:
                self.path.unlink()


def claim(path: Path, output: str) -> Claim:
    """Make the file `path` for an output; as long as it is there, nobody else can.

    Args:
        path: the file.
        output: what to call the output in messages.

    Raises:
        OutputRefusedError: another process has made it and may still be running, or it cannot
            be made.
        OutputFailedError: the disk is full.
    """
    try:
        return _made(path)
    except FileExistsError:
        _verify_left_behind(path, output)
    # If two processes find a stale file, the second must not remove what the first has made by
    # then. So whoever removes it holds a second file, and checks again.
    turn = claim(path.with_name(f"{path.name}~"), output)
    try:
        _verify_left_behind(path, output)
        path.unlink(missing_ok=True)
        return _made(path)
    except FileExistsError:
        raise in_use(output) from None
    finally:
        turn.release()


def in_use(output: str) -> OutputRefusedError:
    """Say that another process writes to an output."""
    return OutputRefusedError(
        f"{output}: another ltx-async is writing to it.",
        hint="Wait until that has ended, or choose another output.",
    )


def _made(path: Path) -> Claim:
    content = Holder.here().dump()
    try:
        descriptor = os.open(path, _MAKING, _MODE)
    except FileExistsError:
        raise
    except OSError as error:
        raise opening_failure(error, str(path), hint="Choose another directory.") from error
    try:
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)  # some network file systems show it to others only now
    except OSError as error:
        path.unlink(missing_ok=True)
        raise write_failure(error, str(path)) from error
    return Claim(path, content)


def _verify_left_behind(path: Path, output: str) -> None:
    """Pass if the process that made the file has ended, or the file is gone; else refuse."""
    try:
        holder = Holder.parse(_content(path))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        raise _unknown(path, output, "nobody knows which") from None
    here = Holder.here()
    if holder.has_ended:
        return
    if (holder.boot, holder.namespace, holder.machine) == (here.boot, here.namespace, here.machine):
        raise in_use(output)
    raise _unknown(path, output, f"process {holder.pid} on {clipped(holder.host, _LONGEST_NAME)}")


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | _SAFELY)
    try:
        return os.read(descriptor, _LONGEST)
    finally:
        os.close(descriptor)


def _unknown(path: Path, output: str, which: str) -> OutputRefusedError:
    return OutputRefusedError(
        f"{output}: another ltx-async is writing to it, or was killed: {which}.",
        hint=f"If it has ended, remove {path}, then run again.",
    )
