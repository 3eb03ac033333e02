"""The recipe of docs/python.md for work beyond one machine, on a real cluster of two processes."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from patience import LONG, reached, slowness

from ltx_async.emulator import Emulator, GeneratedAccounts

from .recipes import recipes, run

distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")
pytest.importorskip("dask.dataframe", reason="dask[dataframe] is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # Dask is not ours
(RECIPE,) = recipes("python.md", "Beyond one machine", "py")
ACCOUNTS = dict(GeneratedAccounts(400, unhealthy=0))
FILES = 4
WORKERS = 2


@pytest.fixture
def table(tmp_path, monkeypatch):
    """The emails in some files, each of which is a partition; one of them nobody knows."""
    monkeypatch.chdir(tmp_path)
    emails = [*ACCOUNTS, *(f"nobody{number}@example.com" for number in range(FILES))]
    for number in range(FILES):
        Path(f"people-{number}.csv").write_text("\n".join(["email", *emails[number::FILES], ""]))
    return emails


@pytest.fixture
def rate():
    """A limit, in requests per second, that this machine can use up as busy as it is."""
    return round(40 / slowness())


@pytest.fixture
def emulator(table, monkeypatch, rate):
    with Emulator(ACCOUNTS, rate_limit=rate) as emulator:
        monkeypatch.setenv("USEAPI_API", emulator.base_url)
        monkeypatch.setenv("USEAPI_TOKEN", emulator.token)
        yield emulator


@pytest.fixture
def cluster(emulator):
    with (
        distributed.LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield cluster


def accounts_at(rate):
    """Return what the recipe makes, with the limit of the emulator in place of its own."""
    assert "RATE = 100 " in RECIPE
    assert f"AT_A_TIME = {WORKERS} " in RECIPE
    recipe = RECIPE.replace("RATE = 100 ", f"RATE = {rate} ")
    recipe = recipe.replace('accounts.to_parquet("accounts")', "")
    recipe = recipe.replace('"people.csv"', '"people-*.csv"')
    return run(recipe)["accounts"]


def are_right(frame, emails):
    assert Counter(frame["email"]) == Counter(emails)
    for row in frame.itertuples():
        if row.email in ACCOUNTS:
            assert (row.outcome, row.balance) == (
                "ok",
                ACCOUNTS[row.email]["balance"]["LTXStudio_token"],
            )
        else:
            assert row.outcome == "not_found"
            assert str(row.balance) == "<NA>"


def test_a_limit_is_shared_by_the_partitions_and_used_up(cluster, emulator, table, rate):
    frame = accounts_at(rate).compute()
    are_right(frame, table)
    accepted = [request for request in emulator.requests if request.status != 429]
    assert len(accepted) == len(table)
    throttled = len(emulator.requests) - len(accepted)
    assert throttled <= 0.02 * len(emulator.requests)
    seconds = accepted[-1].arrived - accepted[0].arrived
    assert (len(accepted) - 1) / seconds >= 0.9 * rate


@pytest.mark.parametrize("rate", [10_000])
async def test_no_row_is_lost_with_a_worker_that_is_killed(cluster, emulator, table):
    emulator.latency = 0.05
    computing = asyncio.create_task(asyncio.to_thread(accounts_at(400).compute))
    await reached(lambda: emulator.request_count >= len(table) / 4)
    victim = next(iter(cluster.workers.values()))
    os.kill(victim.pid, signal.SIGKILL)
    emulator.latency = 0
    are_right(await asyncio.wait_for(computing, LONG), table)
    assert emulator.request_count > len(table)  # its partition was asked for again
