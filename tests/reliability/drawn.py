"""What one seed draws: the faults of a server, of a disk and of files, and what must hold then.

A case is a coroutine that is decorated with `@drawn`. It gets a `Scene`, draws all that it does
from `scene.draw`, and asserts. A room adds the cases of its own faults here.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from attrs import frozen

from ltx_async import AttemptTimeoutError, LTXClient, Outcome, RetryPolicy, ServerError
from ltx_async.emulator import EXAMPLE_TOKEN, Delay, Emulator, GeneratedAccounts, Status
from ltx_async.files.errors import FileError
from ltx_async.results import open_results, read_results
from ltx_async.retry import OutageRule

ACCOUNTS = GeneratedAccounts(1000, seed=3, unhealthy=10)
EMAILS = [*ACCOUNTS]
QUICK = RetryPolicy(base=0.001, cap=0.01, throttle_base=0.001)
SUFFIXES = ("jsonl", "csv", "tsv", "sqlite")
TEXT = ("jsonl", "csv", "tsv")


@frozen
class Scene:
    """Where a case is played.

    Attributes:
        draw: the source of all that is drawn.
        directory: an empty one.
        emulator: a healthy one that knows `ACCOUNTS`.
        transport: by which it is asked.
    """

    draw: random.Random
    directory: Path
    emulator: Emulator
    transport: str

    def emails(self, least: int, most: int) -> list[str]:
        """Draw emails of accounts, each once."""
        return self.draw.sample(EMAILS, self.draw.randint(least, most))

    def client(self, **options) -> LTXClient:
        """Make a client of the emulator, with a concurrency that is drawn."""
        settings = {
            "transport": self.transport,
            "concurrency": self.draw.choice([1, 2, 5, 20]),
            "retry": QUICK,
            **options,
        }
        return LTXClient(EXAMPLE_TOKEN, base_url=self.emulator.base_url, **settings)


Case = Callable[[Scene], Awaitable[None]]
CASES: dict[str, Case] = {}


def drawn(case: Case) -> Case:
    """Have a case played by those seeds that draw it."""
    CASES[case.__name__] = case
    return case


async def play(seed: int, directory: Path) -> str:
    """Play what a seed draws, and return the name of the case; a failure names the seed."""
    draw = random.Random(seed)
    name = draw.choice(sorted(CASES))
    transport = draw.choice(["session", "direct"])
    try:
        async with Emulator(ACCOUNTS, seed=seed) as emulator:
            await CASES[name](Scene(draw, directory, emulator, transport))
    except BaseException as error:
        error.add_note(f"{name}: LTX_CHAOS_SEED={seed} draws it again")
        raise
    return name


def outcome_of(email: str) -> Outcome:
    return Outcome.NEEDS_REAUTH if "error" in ACCOUNTS[email] else Outcome.OK


# The server


@drawn
async def odd_emails_stop_nobody(scene: Scene) -> None:
    """Some of the emails get no reply or 522, wherever they stand."""
    emails = scene.emails(20, 60)
    odd = set(scene.draw.sample(emails, scene.draw.randint(1, len(emails) // 3)))
    silent = scene.draw.random() < 0.2
    for email in odd:
        scene.emulator.script(email, Delay(5.0) if silent else 522, forever=True)
    rule = OutageRule(patience=10.0, probe_base=0.005, probe_cap=0.02)
    async with scene.client(outage=rule, timeout=0.1 if silent else 5.0) as client:
        lookups = await client.lookup_many(emails, ordered=True)
    assert [lookup.email for lookup in lookups] == emails
    for lookup in lookups:
        if lookup.email in odd:
            assert lookup.outcome is Outcome.FAILED
            assert isinstance(lookup.error, AttemptTimeoutError if silent else ServerError)
        else:
            assert lookup.outcome is outcome_of(lookup.email), lookup


JUNK = ["-1", "nan", "inf", "1e999", "soon", "9" * 30, "1, 2", "", "0x10"]


@drawn
async def nobody_is_silenced_by_what_a_throttle_says(scene: Scene) -> None:
    """Some replies ask to wait for nothing that can be understood."""
    emails = scene.emails(5, 30)
    for email in scene.draw.sample(emails, scene.draw.randint(1, 3)):
        junk = scene.draw.choice(JUNK)
        scene.emulator.script(email, Status(429, headers={"Retry-After": junk}))
    async with scene.client() as client:
        lookups = await client.lookup_many(emails)
    assert {lookup.email: lookup.outcome for lookup in lookups} == {
        email: outcome_of(email) for email in emails
    }


# The disk


class Disk:
    """`os.write` and `os.fsync` as on a disk that fails at a certain call."""

    def __init__(self, draw: random.Random, most: int) -> None:
        self.error = draw.choice([errno.ENOSPC, errno.EIO, errno.EDQUOT])
        self.name = draw.choice(["write", "write", "write", "fsync"])
        self.at = draw.randint(1, most if self.name == "write" else 1)
        self.part = draw.random()
        self.calls, self.real = 0, getattr(os, self.name)

    def __call__(self, descriptor: int, *data: bytes) -> int | None:
        if not str(Path(f"/proc/self/fd/{descriptor}").readlink()).count("/out."):
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
    path = scene.directory / f"out.{scene.draw.choice(TEXT)}"
    disk = Disk(scene.draw, len(emails))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, disk.name, disk)
        with pytest.raises(FileError):
            await _check(scene, path, emails)
    kept = [record.email for record in read_results(path)] if path.exists() else []
    assert len({*kept}) == len(kept)
    await _check(scene, path, emails)
    _assert_whole(path, emails)


# The files


async def _check(
    scene: Scene,
    path: Path,
    emails: list[str],
    meanwhile: Callable[[int], object] = lambda _kept: None,
) -> None:
    async with open_results(path, "resume" if path.exists() else "refuse") as out:
        todo = [email for email in emails if email not in out]
        async with scene.client() as client, client.lookup_many(todo) as lookups:
            kept = 0
            async for lookup in lookups:
                await out.write(lookup)
                kept += 1
                meanwhile(kept)


def _assert_whole(path: Path, emails: list[str]) -> None:
    records = list(read_results(path))
    assert sorted(record.email for record in records) == sorted(emails)
    assert all(record.outcome is outcome_of(record.email) for record in records)


def torn(data: bytes, draw: random.Random) -> bytes:
    """Cut into the last record, as a kill does, and fill up with zeros, as a power cut does."""
    begins = data.rstrip(b"\n").rfind(b"\n") + 1
    return data[: draw.randint(begins, len(data) - 1)] + b"\0" * draw.choice([0, 0, 1, 7, 512])


def as_editors_leave_it(data: bytes, draw: random.Random) -> bytes:
    """Save it with other line ends, a mark in front, blank lines behind."""
    if draw.random() < 0.5:
        data = data.replace(b"\n", b"\r\n")
    return draw.choice([b"", b"\xef\xbb\xbf"]) + data + draw.choice([b"", b"\n", b"\r\n\r\n"])


@drawn
async def a_file_that_was_touched_is_continued_whole(scene: Scene) -> None:
    """Between two runs the end is torn, or an editor has saved the file."""
    emails = scene.emails(10, 40)
    path = scene.directory / f"out.{scene.draw.choice(TEXT)}"
    await _check(scene, path, emails[: scene.draw.randint(2, len(emails))])
    change = scene.draw.choice([torn, torn, as_editors_leave_it])
    path.write_bytes(change(path.read_bytes(), scene.draw))
    await _check(scene, path, emails)
    _assert_whole(path, emails)


@drawn
async def a_file_that_vanishes_in_mid_run_is_noticed(scene: Scene) -> None:
    """Somebody removes, moves or cuts the output while records are written to it."""
    emails = scene.emails(10, 40)
    path = scene.directory / f"out.{scene.draw.choice(SUFFIXES)}"
    how = scene.draw.choice(
        ["removed", "moved", "cut"] if path.suffix != ".sqlite" else ["removed"]
    )
    at = scene.draw.randint(1, len(emails))
    with pytest.raises(FileError):
        await _check(scene, path, emails, lambda kept: kept == at and _take_away(path, how))


def _take_away(path: Path, how: str) -> None:
    if how == "removed":
        path.unlink()
    elif how == "moved":
        path.rename(path.with_name("elsewhere"))
    else:
        os.truncate(path, path.stat().st_size // 2)
