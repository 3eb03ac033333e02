"""Promises 1 to 35 at once: on a bad network nothing is wrong, lost or left over."""

import asyncio
import contextlib
import os
import random
from pathlib import Path

import pytest

from ltx_async import (
    AccountNotFoundError,
    DeadlineError,
    LTXClient,
    Outcome,
    RetryPolicy,
    ServerError,
    TransportError,
)
from ltx_async.emulator import Emulator, GeneratedAccounts

from .chaos import MISCHIEF, ChaosProxy
from .conftest import TOKEN
from .drawn import CASES, play

SEED = int(os.environ.get("LTX_CHAOS_SEED", "20260309"))
PATIENT = RetryPolicy(attempts=8, base=0.002, cap=0.05, throttle_base=0.002, budget=100_000)
EXCUSES = (TransportError, ServerError, DeadlineError)
ACCOUNTS = GeneratedAccounts(100_000, seed=1, unhealthy=10)


def asked_for(draw: random.Random, count: int) -> list[str]:
    """Emails of accounts, of none, and some that nobody can have."""
    known = [f"user{draw.randrange(1, 100_001):06}@example.com" for _ in range(count)]
    strange = [f"nobody+{number}@example.com" for number in range(count // 20)]
    emails = [*known, *strange, "no address", "a@b/../c"]
    draw.shuffle(emails)
    return emails


def assert_true(lookup) -> None:
    """The answer is what the server has, to the letter, or a failure that the network explains."""
    if lookup.outcome is Outcome.FAILED:
        assert isinstance(lookup.error, EXCUSES), lookup.error
    elif lookup.email in ACCOUNTS:
        wire = ACCOUNTS[lookup.email]
        assert lookup.account.to_wire(include_secrets=True) == wire
        assert lookup.outcome is (Outcome.NEEDS_REAUTH if "error" in wire else Outcome.OK)
    elif lookup.email.startswith("nobody"):
        assert (lookup.outcome, type(lookup.error)) == (Outcome.NOT_FOUND, AccountNotFoundError)
    else:
        assert lookup.outcome is Outcome.INVALID


async def outages(proxy: ChaosProxy, draw: random.Random) -> None:
    while True:
        await asyncio.sleep(draw.uniform(0.3, 1.5))
        proxy.cut_all()


async def run_of(client: LTXClient, draw: random.Random, count: int) -> tuple[int, int]:
    """Make one run, some of them left early; return the lookups, and those that failed."""
    emails = asked_for(draw, count)
    leave_after = draw.randrange(count) if draw.random() < 0.2 else len(emails)
    seen, failed = [], 0
    async with client.lookup_many(emails, ordered=draw.random() < 0.3) as lookups:
        async for lookup in lookups:
            assert lookup.email == emails[lookup.index]
            assert_true(lookup)
            seen.append(lookup.index)
            failed += lookup.outcome is Outcome.FAILED
            if len(seen) > leave_after:
                break
    assert len(set(seen)) == len(seen)
    assert len(seen) == len(emails) or len(seen) > leave_after
    return len(seen), failed


def sockets() -> set[str]:
    """What sockets are open; none where the system does not tell."""
    links = set()
    for descriptor in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(FileNotFoundError):  # of the listing itself
            links.add(str(descriptor.readlink()))
    return {link for link in links if link.startswith("socket:")}


def memory() -> int:
    """KiB in use by this process; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4 if statm.exists() else 0


@pytest.mark.parametrize(
    "enough", [100, pytest.param(10_000, marks=pytest.mark.soak)], ids=["short", "long"]
)
async def test_on_a_bad_network_nothing_is_wrong_lost_or_left_over(transport, enough):
    draw = random.Random(SEED)
    answered = failed = 0
    first_sockets, first_memory = sockets(), 0
    async with (
        Emulator(ACCOUNTS, seed=SEED) as emulator,
        ChaosProxy(emulator.port, SEED) as proxy,
    ):
        cutting = asyncio.create_task(outages(proxy, draw))
        while answered < enough:
            async with LTXClient(
                TOKEN,
                base_url=f"http://127.0.0.1:{proxy.port}/v1",
                transport=transport,
                concurrency=draw.choice([1, 5, 20]),
                timeout=0.6,
                deadline=30.0,
                retry=PATIENT,
            ) as client:
                single = asyncio.create_task(client.lookup("user000001@example.com"))
                counts = await run_of(
                    client, draw, draw.choice([50, 200, 400] if enough > 1000 else [50])
                )
                assert_true(await single)
            answered, failed = answered + counts[0], failed + counts[1]
            first_memory = first_memory or memory()
        cutting.cancel()
        played = proxy.played
    await asyncio.wait({cutting})
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await asyncio.sleep(0.05)
    assert sockets() <= first_sockets
    assert failed <= 2 + answered / 500
    if enough > 1000:
        assert all(played[kind] > 10 for kind in MISCHIEF), played
        assert memory() - first_memory < 64 << 10


SEEDS = int(os.environ.get("LTX_CHAOS_SEEDS", "1000"))


@pytest.mark.parametrize("count", [20, pytest.param(SEEDS, marks=pytest.mark.soak)])
async def test_whatever_a_seed_draws_of_server_disk_and_files_nothing_is_lost(tmp_path, count):
    """The first seed is `LTX_CHAOS_SEED`; that of a failure is told, and draws it again."""
    played = set()
    for seed in range(SEED, SEED + count):
        directory = tmp_path / str(seed)
        directory.mkdir()
        played.add(await play(seed, directory))
    assert count < 100 or played == {*CASES}


async def test_a_seed_draws_the_same_again_and_is_told_where_it_fails(tmp_path, monkeypatch):
    drawn = []

    async def case(scene):
        drawn.append((scene.emails(1, 9), scene.transport, scene.draw.random()))
        raise AssertionError

    for name in [*CASES]:
        monkeypatch.setitem(CASES, name, case)
    for _ in range(2):
        with pytest.raises(AssertionError) as failure:
            await play(SEED, tmp_path)
    assert drawn[0] == drawn[1]
    assert f"LTX_CHAOS_SEED={SEED} draws it again" in failure.value.__notes__[0]
