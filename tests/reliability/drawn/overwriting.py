"""Old results that are to be replaced: they stay until there is something in their place."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from ltx_async import AuthenticationError
from ltx_async.files.errors import FileError

from .disk import Disk
from .scene import Scene, assert_whole, check, drawn, kept_in

REFUSED = ".."  # before anything is sent: its record is no answer


class StoppedError(Exception):
    """What ends a block of the caller's."""


async def refused_token(scene: Scene, path: Path, emails: list[str]) -> None:
    """Have nobody answered."""
    scene.emulator.script(None, 401, forever=True)
    with pytest.raises(AuthenticationError):
        await check(scene, path, emails, existing="overwrite")
    scene.emulator.clear_scripts()


async def stopped(scene: Scene, path: Path, emails: list[str]) -> None:
    """Leave the block by an exception, after any number of records."""
    at = scene.draw.randint(1, len(emails))

    def stop(kept: int) -> None:
        if kept == at:
            raise StoppedError

    with pytest.raises(StoppedError):
        await check(scene, path, emails, stop, "overwrite")


async def cancelled(scene: Scene, path: Path, emails: list[str]) -> None:
    """Cancel it at any await."""
    task = asyncio.ensure_future(check(scene, path, emails, existing="overwrite"))
    for _ in range(scene.draw.randint(1, 60)):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def failing_disk(scene: Scene, path: Path, emails: list[str]) -> None:
    """Have a write refused; that of a database is none of ours."""
    disk = Disk(scene.draw, 2 + len(emails))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os." + disk.name, disk)
        with suppress(FileError):
            await check(scene, path, emails, existing="overwrite")


async def undisturbed(scene: Scene, path: Path, emails: list[str]) -> None:
    await check(scene, path, emails, existing="overwrite")


ENDS = [refused_token, stopped, stopped, cancelled, cancelled, failing_disk, undisturbed]


@drawn
async def an_overwritten_file_is_the_old_one_or_the_new_one(scene: Scene) -> None:
    """However the run ends; the new one is continued, or the old one overwritten anew."""
    names = scene.emails(10, 40)
    old, emails = names[:4], names[4:]
    if scene.draw.random() < 0.3:
        emails.insert(scene.draw.randint(0, len(emails)), REFUSED)
    path = scene.output()
    await check(scene, path, old)
    before = path.read_bytes()
    end = scene.draw.choice(ENDS[:-2] if path.suffix == ".sqlite" else ENDS)
    await end(scene, path, emails)
    if path.read_bytes() == before:
        left = [one.name for one in path.parent.iterdir()]
        assert left == [path.name]
        await check(scene, path, emails, existing="overwrite")
    else:
        kept = kept_in(path)
        assert {*kept} <= {*emails}
        assert kept != [REFUSED]
        await check(scene, path, emails)
    assert_whole(path, emails)
