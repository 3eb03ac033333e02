"""Results are only replaced by results: what was there stays until there is something better."""

import asyncio
import errno
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from command_line import make_lookup

from ltx_async import InvalidEmailError, Outcome, OutputFailedError, OutputRefusedError
from ltx_async.files.errors import UnsavedError
from ltx_async.results import open_results, read_results
from ltx_async.results.earlier import EarlierRecords
from ltx_async.results.formats import Existing, open_output
from ltx_async.results.sqlite.waiting import Patience

ANN, BOB, EVE = (make_lookup(f"{name}@example.com") for name in ("ann", "bob", "eve"))
REFUSED = make_lookup("two words", error=InvalidEmailError("white space"), outcome=Outcome.INVALID)
suffixes = pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".sqlite"])


@pytest.fixture
def out(tmp_path, suffix):
    return tmp_path / f"out{suffix}"


async def write(path, *lookups, existing="overwrite", **how):
    async with open_results(path, existing, **how) as results:
        for lookup in lookups:
            await results.write(lookup)


@pytest.fixture
async def old(out):
    await write(out, ANN, EVE)
    return out.read_bytes()


def emails_in(path):
    return [record.email for record in read_results(path)]


def names_beside(path):
    """What lies there, but for what SQLite keeps beside an open database."""
    return {
        one.name
        for one in path.parent.iterdir()
        if not one.name.endswith(("-wal", "-shm", "-lock"))
    }


@suffixes
async def test_a_block_that_wrote_nothing_leaves_what_was_there(out, old):
    before = out.stat()
    await write(out)
    assert out.read_bytes() == old
    assert (out.stat().st_ino, out.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(out.parent.iterdir()) == [out]


@suffixes
async def test_where_nothing_was_nothing_is_left(out):
    await write(out)
    assert list(out.parent.iterdir()) == []


@suffixes
async def test_the_first_record_takes_the_place_of_everything(out, old):
    async with open_results(out, "overwrite") as results:
        assert out.read_bytes() == old
        assert names_beside(out) == {out.name, f".{out.name}.new"}
        await results.write(BOB)
        assert emails_in(out) == ["bob@example.com"]
        assert names_beside(out) == {out.name}
        await results.write(ANN)
    assert emails_in(out) == ["bob@example.com", "ann@example.com"]
    assert list(out.parent.iterdir()) == [out]
    await write(out, EVE, existing="resume")
    assert len(emails_in(out)) == 3


@suffixes
@pytest.mark.parametrize("there", [False, True])
async def test_an_email_that_was_never_asked_for_replaces_nothing_by_itself(out, old, there):
    if not there:
        out.unlink()

    async def cut_short():
        async with open_results(out, "overwrite") as results:
            await results.write(REFUSED)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await cut_short()
    assert [path.read_bytes() for path in out.parent.iterdir()] == [old] * there
    await write(out, REFUSED)  # but a block that came to its end has said all that there is
    assert emails_in(out) == ["two words"]


@suffixes
async def test_one_process_writes_at_a_time_before_and_after_the_first_record(out, old):
    async def refused():
        for existing in ("resume", "overwrite"):
            with pytest.raises(OutputRefusedError, match="another ltx-async is writing to it"):
                await write(out, EVE, existing=existing)
        with pytest.raises(OutputRefusedError, match="exists already"):
            await write(out, EVE, existing="refuse")

    for before in (True, False):  # something is there, or nothing
        if not before:
            out.unlink()
        async with open_results(out, "overwrite") as results:
            await refused()
            await results.write(BOB)
            await refused()
            await results.write(ANN)
        assert len(emails_in(out)) == 2


@suffixes
@pytest.mark.parametrize("existing", ["resume", "overwrite"])
@pytest.mark.usefixtures("old")
async def test_what_a_killed_run_had_begun_is_removed_by_the_next(out, existing):
    draft = out.with_name(f".{out.name}.new")
    draft.write_bytes(b"half a rec")
    await write(out, existing=existing)
    assert not draft.exists()
    assert emails_in(out) == ["ann@example.com", "eve@example.com"]


@suffixes
async def test_what_cannot_be_removed_is_in_the_way(out, old):
    draft = out.with_name(f".{out.name}.new")
    draft.mkdir()
    with pytest.raises(OutputRefusedError, match=r"\.new: is in the way"):
        await write(out, BOB)
    assert out.read_bytes() == old
    await write(out, existing="resume")


@suffixes
async def test_the_mode_that_its_owner_gave_it_is_kept(out, old):
    out.chmod(0o640)
    await write(out, BOB)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    out.write_bytes(b"")
    out.chmod(0o666)  # as `touch` leaves it: nobody has opened any results to others
    await write(out, BOB)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@suffixes
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EBUSY])
@pytest.mark.parametrize("call", ["fsync", "replace"])
async def test_what_cannot_take_its_place_leaves_what_was_there(
    out, old, monkeypatch, call, number
):
    def failing(*_arguments, **_named):
        raise OSError(number, os.strerror(number))

    writer = await open_output(out, Existing.OVERWRITE, EarlierRecords())
    with monkeypatch.context() as patch:
        patch.setattr(*((os, call) if call == "fsync" else (Path, call)), failing)
        await writer.write(BOB)  # the next one would be told
        with pytest.raises(UnsavedError, match=os.strerror(number)) as raised:
            await writer.close()
    assert raised.value.outcomes is None  # all of it
    assert not writer.in_place
    assert out.read_bytes() == old
    assert list(out.parent.iterdir()) == [out]


@suffixes
async def test_a_name_that_does_not_survive_a_power_cut_for_sure_is_told_and_in_place(
    out, old, monkeypatch
):
    def failing(_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    writer = await open_output(out, Existing.OVERWRITE, EarlierRecords())
    with monkeypatch.context() as patch:
        patch.setattr("ltx_async.files.open_file.sync_directory", failing)
        await writer.write(BOB)
        with pytest.raises(OutputFailedError, match="Input/output error"):
            await writer.write(ANN)
    with pytest.raises(OutputFailedError, match="Input/output error"):
        await writer.close()
    assert writer.in_place
    assert emails_in(out) == ["bob@example.com"]
    assert list(out.parent.iterdir()) == [out]


@suffixes
async def test_a_first_record_whose_wait_is_cancelled_is_there_in_the_end(out, old, monkeypatch):
    writer = await open_output(out, Existing.OVERWRITE, EarlierRecords())
    writing = asyncio.create_task(writer.write(BOB))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait({writing})
    assert writing.cancelled()
    await writer.close()
    assert emails_in(out) == ["bob@example.com"]
    assert list(out.parent.iterdir()) == [out]


@suffixes
async def test_many_first_records_at_once_are_all_there(out, old):
    async with open_results(out, "overwrite") as results, asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(results.write(make_lookup(f"user{number}@example.com")))
    assert sorted(emails_in(out)) == sorted(f"user{number}@example.com" for number in range(50))


async def test_the_longest_name_there_can_be_is_replaced(tmp_path):
    out = tmp_path / ("x" * 249 + ".jsonl")
    await write(out, ANN)
    await write(out, BOB)
    assert emails_in(out) == ["bob@example.com"]
    assert list(tmp_path.iterdir()) == [out]


@suffixes
async def test_what_is_no_output_of_ours_is_replaced_whole(out):
    out.write_bytes(b"a letter\nto ann\n")
    await write(out, BOB)
    assert emails_in(out) == ["bob@example.com"]


# Databases: what belongs to the old one, and who has it open


@pytest.mark.parametrize("suffix", [".sqlite"])
async def test_the_log_of_an_old_database_never_comes_into_the_new_one(out, old, tmp_path):
    """A killed process has left one behind, in which there is more than in the database."""
    with closing(sqlite3.connect(out)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("UPDATE lookups SET email = 'old-' || email")
        database.commit()
        killed = tmp_path / "killed"
        killed.mkdir()
        for name in (out.name, f"{out.name}-wal"):
            shutil.copy(tmp_path / name, killed / name)
    left = killed / out.name
    await write(left)
    assert sorted(emails_in(left)) == ["old-ann@example.com", "old-eve@example.com"]
    await write(left, BOB)
    assert emails_in(left) == ["bob@example.com"]
    assert list(killed.iterdir()) == [left]


@pytest.mark.parametrize("suffix", [".sqlite"])
async def test_who_has_the_old_database_open_reads_on_and_spoils_nothing(out, old):
    reader = sqlite3.connect(out)
    assert reader.execute("SELECT count(*) FROM lookups").fetchone() == (2,)
    async with open_results(out, "overwrite") as results:
        await results.write(BOB)
        assert reader.execute("SELECT count(*) FROM lookups").fetchone() == (2,)
        with closing(sqlite3.connect(out)) as database:  # no log that the reader could remove
            assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        reader.close()  # SQLite removes the log with the name of the database now
        await results.write(ANN)
        await results._writer._syncer.catch_up()
        copy = out.with_name("killed.sqlite")  # what a kill would leave just now
        for suffix in ("", "-wal"):
            if (there := Path(f"{out}{suffix}")).exists():
                shutil.copy(there, f"{copy}{suffix}")
        assert sorted(emails_in(copy)) == ["ann@example.com", "bob@example.com"]
    assert len(emails_in(out)) == 2


@pytest.mark.parametrize("suffix", [".sqlite"])
async def test_a_database_in_which_somebody_is_writing_is_waited_for(out, old, monkeypatch):
    with closing(sqlite3.connect(out, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("ltx_async.results.sqlite.waiting.LONGEST_WAIT", 0.2)
        with pytest.raises(OutputFailedError, match="another program has locked the database"):
            await write(out, BOB)
        assert list(out.parent.glob(".*")) == []
        monkeypatch.setattr("ltx_async.results.sqlite.waiting.LONGEST_WAIT", 20)
        waiting = asyncio.create_task(write(out, BOB))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        other.execute("COMMIT")
        await waiting
    assert emails_in(out) == ["bob@example.com"]


@pytest.mark.parametrize("suffix", [".sqlite"])
async def test_a_database_that_is_locked_when_the_first_record_comes_stays(out, old):
    writer = await open_output(out, Existing.OVERWRITE, EarlierRecords())
    writer._patience = Patience(0.2)
    with closing(sqlite3.connect(out, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await writer.write(BOB)
        with pytest.raises(UnsavedError, match="another program has locked") as raised:
            await writer.close()
    assert raised.value.outcomes is None
    assert "run again" in raised.value.hint
    assert "--resume" not in raised.value.hint
    assert sorted(emails_in(out)) == ["ann@example.com", "eve@example.com"]
    assert list(out.parent.iterdir()) == [out]
