"""The faults of files: touched between two runs, taken away in mid-run, on poor file systems."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from attrs import evolve

from ltx_async.emulator import Status
from ltx_async.files.errors import FileError, OutputRefusedError
from ltx_async.files.holder import Holder
from ltx_async.files.lock import LockFile
from ltx_async.files.private import reopen_private
from ltx_async.results import read_results

from .scene import ACCOUNTS, TEXT, Scene, assert_whole, check, drawn


def torn(data: bytes, draw: Random) -> bytes:
    """Cut into the last record, as a kill does, and fill up with zeros, as a power cut does."""
    begins = data.rstrip(b"\n").rfind(b"\n") + 1
    zeros = draw.choice([0, 0, 1, 7, 512, 9 << 20])
    return data[: draw.randint(begins, len(data) - 1)] + b"\0" * zeros


def as_editors_leave_it(data: bytes, draw: Random) -> bytes:
    """Save it with other line ends, a mark in front, blank lines behind."""
    if draw.random() < 0.5:
        data = data.replace(b"\n", b"\r\n")
    return draw.choice([b"", b"\xef\xbb\xbf"]) + data + draw.choice([b"", b"\n", b"\r\n\r\n"])


@drawn
async def a_file_that_was_touched_is_continued_whole(scene: Scene) -> None:
    """Between two runs the end is torn, or an editor has saved the file."""
    emails = scene.emails(10, 40)
    path = scene.output(*TEXT)
    await check(scene, path, emails[: scene.draw.randint(2, len(emails))])
    change = scene.draw.choice([torn, torn, as_editors_leave_it])
    path.write_bytes(change(path.read_bytes(), scene.draw))
    await check(scene, path, emails)
    assert_whole(path, emails)


@drawn
async def a_file_that_vanishes_in_mid_run_is_noticed(scene: Scene) -> None:
    """Somebody removes, moves, replaces or cuts the output while records are written to it."""
    emails = scene.emails(10, 40)
    path = scene.output()
    how = scene.draw.choice([removed, moved, replaced] + [cut] * (path.suffix != ".sqlite"))
    at = scene.draw.randint(1, len(emails))
    with pytest.raises(FileError):
        await check(scene, path, emails, lambda kept: kept == at and how(path))


def removed(path: Path) -> None:
    path.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"of another program")
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


PIECES = ["\n", "\r\n", "\r", '"', '""', ",", "\t", ";", " ", "'", "=1+1", "\u2028", "\x85", "x"]


def looks_like_records(draw: Random, records: list[str]) -> str:
    """Draw a text with line ends in it, and with what could be records between them."""
    pieces = [draw.choice([*PIECES, "\n", *records]) for _ in range(draw.randint(1, 12))]
    return "x" + "".join(pieces)  # white space alone says nothing, and is none


@drawn
async def a_cell_with_line_ends_is_one_cell(scene: Scene) -> None:
    """An account's error holds what looks like records, or the end is torn behind one."""
    emails = scene.emails(4, 20)
    path = scene.output()
    tearing = path.suffix != ".sqlite" and scene.draw.random() < 0.5
    records = [] if tearing else await _records(scene, emails[:3], path.suffix)
    said = {email: looks_like_records(scene.draw, records) for email in emails}
    for email in emails:
        body = {**ACCOUNTS[email], "error": said[email]}
        scene.emulator.script(email, Status(200, body), forever=True)
    await check(scene, path, emails[: scene.draw.randint(1, len(emails))])
    if tearing:
        path.write_bytes(path.read_bytes()[: -scene.draw.randint(1, 20)])
    await check(scene, path, emails)
    found = [(record.email, record.error) for record in read_results(path)]
    assert sorted(found) == sorted(said.items())


async def _records(scene: Scene, emails: list[str], suffix: str) -> list[str]:
    """Return the lines of another output."""
    if suffix == ".sqlite":
        return []
    example = scene.directory / f"example{suffix}"
    await check(scene, example, emails)
    return example.read_text().splitlines(keepends=True)


# Poor file systems


def refusing(*errors: int) -> Callable[..., None]:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errors[0], os.strerror(errors[0]))

    return refuse


LOCKS = [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL]
MODES = [errno.EPERM, errno.ENOSYS, errno.ENOTSUP]


@contextmanager
def poor(draw: Random) -> Iterator[None]:
    """Take from the file system its locks, its modes, the syncing of directories, or all."""
    real = os.open
    without = {name for name in ("locks", "modes", "directories") if draw.random() < 0.6}

    def open_no_directory(path, *arguments, **options):
        if Path(path).is_dir():
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        if "locks" in without:
            patched.setattr(fcntl, "flock", refusing(draw.choice(LOCKS)))
        if "modes" in without:
            patched.setattr(os, "fchmod", refusing(draw.choice(MODES)))
        if "directories" in without:
            patched.setattr(os, "open", open_no_directory)
        yield


def killed() -> Holder:
    """Return a process of this machine that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    holder = evolve(Holder.here(), pid=process.pid)
    process.wait()
    return holder


@drawn
async def a_poor_file_system_takes_everything_from_one_run_at_a_time(scene: Scene) -> None:
    """A run that was killed may have left what stood for its lock."""
    emails = scene.emails(6, 30)
    path = scene.output()
    if scene.draw.random() < 0.5:
        path.with_name(f"{path.name}-locked").write_bytes(killed().dump())

    def another(_kept: int) -> None:
        with pytest.raises(OutputRefusedError, match="another ltx-async is writing to it"):
            LockFile.beside(path) if path.suffix == ".sqlite" else reopen_private(path)

    with poor(scene.draw):
        await check(scene, path, emails[3:], another, scene.draw.choice(["resume", "overwrite"]))
        await check(scene, path, emails, another)
        assert_whole(path, emails)
