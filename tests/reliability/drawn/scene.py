"""The stage of a case: an emulator, a directory, and all that is drawn."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from attrs import frozen

from ltx_async import LTXClient, Outcome, RetryPolicy
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator, GeneratedAccounts
from ltx_async.files.errors import InputError
from ltx_async.results import open_results, read_results

ACCOUNTS = GeneratedAccounts(1000, seed=3, unhealthy=10)
EMAILS = [*ACCOUNTS]
QUICK = RetryPolicy(base=0.001, cap=0.01, throttle_base=0.001)
TEXT = ("jsonl", "csv", "tsv")
SUFFIXES = (*TEXT, "sqlite")


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

    def client(self, base_url: str | None = None, **options) -> LTXClient:
        """Make a client of the emulator or another server, with a concurrency that is drawn."""
        settings = {
            "transport": self.transport,
            "concurrency": self.draw.choice([1, 2, 5, 20]),
            "retry": QUICK,
            **options,
        }
        return LTXClient(EXAMPLE_TOKEN, base_url=base_url or self.emulator.base_url, **settings)

    def output(self, *suffixes: str) -> Path:
        """Name an output, of a format that is drawn."""
        return self.directory / f"out.{self.draw.choice(suffixes or SUFFIXES)}"


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
    """Return the truth about an email."""
    if email not in ACCOUNTS:
        return Outcome.INVALID
    return Outcome.NEEDS_REAUTH if "error" in ACCOUNTS[email] else Outcome.OK


Meanwhile = Callable[[int], object]


async def check(
    scene: Scene,
    path: Path,
    emails: list[str],
    meanwhile: Meanwhile = lambda _kept: None,
    existing: str | None = None,
) -> None:
    """Look up what an output does not hold yet, and keep it there.

    Args:
        scene: where.
        path: the output.
        emails: the whole input.
        meanwhile: called after each record that was taken, with their number.
        existing: what to do with an output that is there; continue it by default.
    """
    existing = existing or ("resume" if path.exists() else "refuse")
    async with open_results(path, existing) as out:
        todo = [email for email in emails if email not in out]
        async with scene.client() as client, client.lookup_many(todo) as lookups:
            async for lookup in lookups:
                await out.write(lookup)
                meanwhile(out.taken)


def kept_in(path: Path) -> list[str]:
    """Return the emails with a record, each once, or there is something wrong."""
    try:
        records = list(read_results(path)) if path.exists() and path.stat().st_size else []
    except InputError as error:  # there was no room for the table either
        if "no such table" not in error.message:
            raise
        return []
    assert len({record.email for record in records}) == len(records)
    for record in records:
        assert record.outcome is outcome_of(record.email), record
    return [record.email for record in records]


def assert_whole(path: Path, emails: list[str]) -> None:
    """Every email has its record, and nothing else lies about."""
    assert sorted(kept_in(path)) == sorted(emails)
    left = {one.name for one in path.parent.iterdir()} - {path.name}
    assert not {name for name in left if "-lock" in name or name.endswith((".new", "-journal"))}
