"""The faults of a disk: what is written is refused, in part or as a whole."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from ltx_async.files.errors import FileError, UnsavedError
from ltx_async.results.sqlite import opening, writer

from .scene import TEXT, Scene, assert_whole, check, drawn, kept_in


class Disk:
    """`os.write` and `os.fsync` as on a disk that fails at a certain call."""

    def __init__(self, draw: Random, most: int) -> None:
        self.error = draw.choice([errno.ENOSPC, errno.EIO, errno.EDQUOT])
        self.name = draw.choice(["write", "write", "write", "fsync"])
        self.at = draw.randint(1, most if self.name == "write" else 1)
        self.part = draw.random()
        self.calls, self.real = 0, getattr(os, self.name)

    def __call__(self, descriptor: int, *data: bytes) -> int | None:
        if "out." not in Path(f"/proc/self/fd/{descriptor}").readlink().name:
            return self.real(descriptor, *data)
        self.calls += 1
        if self.calls < self.at:
            return self.real(descriptor, *data)
        if self.calls == self.at and data and int(self.part * len(data[0])):
            return self.real(descriptor, data[0][: int(self.part * len(data[0]))])
        raise OSError(self.error, os.strerror(self.error))


@drawn
async def a_disk_that_fails_costs_no_record_that_was_kept(scene: Scene) -> None:
    """A write is refused, in part or as a whole; with room again, the run goes on."""
    emails = scene.emails(10, 40)
    path = scene.output(*TEXT)
    disk = Disk(scene.draw, len(emails))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, disk.name, disk)
        with pytest.raises(FileError):
            await check(scene, path, emails)
    assert {*kept_in(path)} <= {*emails}
    await check(scene, path, emails)
    assert_whole(path, emails)


# SQLite writes by itself, so the faults are put where it writes.


def full(scene: Scene, path: Path) -> Callable[[], None]:
    """Have no room for another page, as on a disk that is full."""
    connect = opening.connect
    most = scene.draw.randint(2, 6)

    def limited(name: Path):
        database = connect(name)
        database.execute(f"PRAGMA max_page_count = {most}")
        return database

    patched = pytest.MonkeyPatch()
    patched.setattr(opening, "connect", limited)
    return patched.undo


def unwritable(scene: Scene, path: Path) -> Callable[[], None]:
    """Have each write to the log refused: its descriptor becomes one for reading."""
    commit = writer.SQLiteWriter._commit
    at, calls = scene.draw.randint(1, 4), Counter()

    def faulty(self) -> None:
        calls["commits"] += 1
        if calls["commits"] == at:
            log = path.with_name(f"{path.name}-wal")
            reading = os.open(log, os.O_RDONLY)
            for number in descriptors_of(log):
                if number != reading:
                    os.dup2(reading, number, inheritable=False)
            os.close(reading)
        commit(self)

    patched = pytest.MonkeyPatch()
    patched.setattr(writer.SQLiteWriter, "_commit", faulty)
    return patched.undo


def descriptors_of(path: Path) -> Iterator[int]:
    for link in Path("/proc/self/fd").iterdir():
        try:
            if link.readlink() == path:
                yield int(link.name)
        except FileNotFoundError:  # that of the listing itself
            continue


def unseen(scene: Scene, path: Path) -> Callable[[], None]:
    """Have the database not looked at any more."""
    real = Path.stat
    number = scene.draw.choice([errno.EIO, errno.ENOSPC])
    at, calls = scene.draw.randint(2, 4), Counter()

    def stat(self, **options):
        calls[self] += self == path
        if self == path and calls[self] >= at:
            raise OSError(number, os.strerror(number))
        return real(self, **options)

    patched = pytest.MonkeyPatch()
    patched.setattr(Path, "stat", stat)
    return patched.undo


@contextmanager
def batches(most: int) -> Iterator[None]:
    """Commit after so many records, where it would be after a second."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writer, "_BATCH", most)
        yield


@drawn
async def a_disk_that_fails_costs_a_database_no_record_that_was_committed(scene: Scene) -> None:
    """What is lost is told to the record; with room again, the run goes on."""
    emails = scene.emails(20, 60)
    path = scene.output("sqlite")
    with batches(scene.draw.choice([1, 3, 10, 5_000])):
        if scene.draw.random() < 0.5:
            await check(scene, path, emails[: len(emails) // 4])
        before, taken = kept_in(path), [0]
        fault = scene.draw.choice([full, unwritable, unseen])
        mend = fault(scene, path)
        try:
            await check(scene, path, emails, lambda count: taken.append(count))
        except FileError as error:
            failure = error
        else:
            failure = None
        finally:
            mend()
    kept = kept_in(path)
    assert {*before} <= {*kept}
    if failure is None:  # there was room enough, or it failed too late to matter
        assert sorted(kept) == sorted(emails)
    elif isinstance(failure, UnsavedError) and failure.outcomes is not None:
        assert len(kept) - len(before) + failure.outcomes.total() in {taken[-1], taken[-1] + 1}
    await check(scene, path, emails)
    assert_whole(path, emails)
