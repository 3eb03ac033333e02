"""Results for Python users: kept, continued, read, without click and rich."""

import asyncio
import contextlib
import gc
import io
import os
import subprocess
import sys
import threading
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from command_line import make_lookup
from patience import reached

import ltx_async.results
from ltx_async import (
    AccountNotFoundError,
    ConfigurationError,
    InputError,
    LTXClient,
    LTXError,
    Outcome,
    OutputRefusedError,
    ServerError,
)
from ltx_async.emulator import EXAMPLE_TOKEN, Emulator
from ltx_async.files.errors import OutputFailedError
from ltx_async.files.sync import Syncer
from ltx_async.inputs import read_entries
from ltx_async.inputs.emails import invalid_lookup
from ltx_async.results import Record, open_results, read_results
from ltx_async.results.formats import FORMATS

SUFFIXES = [suffix for form in FORMATS for suffix in form.suffixes]
suffixes = pytest.mark.parametrize("suffix", SUFFIXES)
ANN = make_lookup(wire={"email": "ann@example.com", "balance": {"LTXStudio_token": 7}})
BAD = make_lookup("bad@example.com", error=ServerError("HTTP 503", status=503))
GONE = make_lookup(
    "gone@example.com",
    error=AccountNotFoundError("HTTP 404", status=404),
    outcome=Outcome.NOT_FOUND,
)
NEW = make_lookup("new@example.com", wire={"email": "new@example.com"})
REFUSED = make_lookup("no-email", error=LTXError("no @"), outcome=Outcome.INVALID)


@pytest.fixture
def out(tmp_path, suffix):
    return tmp_path / f"out{suffix}"


DESCRIPTORS = Path("/proc/self/fd")
counts_descriptors = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts them in /proc")


def open_files():
    return set(DESCRIPTORS.iterdir())


async def write(path, *lookups, **how):
    async with open_results(path, **how) as out:
        for lookup in lookups:
            await out.write(lookup)
    return out


def emails_in(path):
    return [record.email for record in read_results(path)]


def outcomes_in(path):
    return {record.email: record.outcome for record in read_results(path)}


@suffixes
async def test_a_run_is_kept_continued_and_read(out):
    accounts = [{"email": f"{name}@example.com"} for name in "abcde"]
    emails = [account["email"] for account in accounts]
    async with (
        Emulator(accounts) as emulator,
        LTXClient(EXAMPLE_TOKEN, base_url=emulator.base_url) as client,
    ):
        for given in (emails[:2], emails):
            async with open_results(str(out), existing="resume") as results:
                todo = (email for email in given if email not in results)
                async with client.lookup_many(todo) as lookups:
                    async for lookup in lookups:
                        await results.write(lookup)
        assert sorted(request.email for request in emulator.requests) == emails
    records = list(read_results(str(out)))
    assert sorted(record.email for record in records) == emails
    assert {type(record) for record in records} == {Record}


@suffixes
async def test_what_it_holds_goes_by_the_identity_of_entries(out):
    async with open_results(out) as results:
        assert "ann@example.com" not in results
        await results.write(ANN)
        assert "ann@EXAMPLE.com" in results
        assert "Ann@example.com" not in results
        assert None not in results
    async with open_results(out, "resume") as results:
        assert results.earlier == 1
        assert ["ann@EXAMPLE.com" in results, "Ann@example.com" in results] == [True, False]


@suffixes
async def test_a_refused_email_and_one_that_looks_like_it_are_two(out):
    escaped = make_lookup(r"caf\xe9@x", error=LTXError("no UTF-8"), outcome=Outcome.INVALID)
    await write(out, REFUSED, escaped)
    async with open_results(out, "resume") as results:
        assert "no-email" in results
        assert r"caf\xe9@x" not in results


BLANKS = [None, float("nan"), 12, 1.5, b"ann@example.com", ("ann@example.com",), "", " ann@x"]
DECORATED = ["Ann <ann@x>", "ann@x,bob@x", "mailto:ann@x", "ann@x.", "'ann@x'", r"a\b c@x"]


@suffixes
async def test_what_was_refused_is_held_too_and_asked_for_no_more(out):
    async with LTXClient(EXAMPLE_TOKEN, base_url="http://127.0.0.1:9") as client:
        for existing, count in (("refuse", len(BLANKS)), ("resume", 0)):
            async with open_results(out, existing) as results:
                todo = [email for email in BLANKS if email not in results]
                assert len(todo) == count
                for lookup in await client.lookup_all(todo):
                    await results.write(lookup)
    assert len(emails_in(out)) == len(BLANKS)


@suffixes
async def test_what_check_refused_is_held_though_the_library_would_ask_for_it(out):
    async with open_results(out) as results:
        async for entry in read_entries(io.StringIO("\n".join(DECORATED)), format="text"):
            assert entry.text not in results
            await results.write(invalid_lookup(entry, 0))
        assert [email for email in DECORATED if email not in results] == []
    async with open_results(out, "resume") as results:
        assert [email for email in DECORATED if email not in results] == []
        assert ("bob@x" in results, "ann@x" in results) == (False, False)


@suffixes
async def test_outcomes_are_asked_again_where_told_to(out):
    for again in ({Outcome.FAILED}, Outcome.FAILED, ["failed"]):
        await write(out, ANN, BAD, GONE, existing="overwrite")
        async with open_results(out, "resume", retry=again) as results:
            assert results.earlier == 2
            assert "bad@example.com" not in results
            assert "ann@example.com" in results
            await results.write(evolve(NEW, email="bad@example.com"))
        assert outcomes_in(out) == {ANN.email: "ok", GONE.email: "not_found", BAD.email: "ok"}
    again = {Outcome.OK, Outcome.NOT_FOUND}
    await write(out, BAD, evolve(BAD, email=ANN.email), existing="resume", retry=again)
    assert outcomes_in(out) == {ANN.email: "failed", GONE.email: "not_found", BAD.email: "failed"}


@suffixes
@pytest.mark.parametrize("refused", [(), (REFUSED,)], ids=["nothing", "no email"])
async def test_records_that_are_asked_again_stay_until_there_is_an_answer(out, refused):
    await write(out, ANN, BAD, GONE)
    again = {"retry": {Outcome.FAILED}, "older_than": timedelta()}
    with contextlib.suppress(ZeroDivisionError):
        async with open_results(out, "resume", **again) as results:
            assert results.earlier == 0
            for lookup in refused:
                await results.write(lookup)
            raise ZeroDivisionError
    assert {*emails_in(out)} - {REFUSED.email} == {ANN.email, BAD.email, GONE.email}
    await write(out, evolve(NEW, email=ANN.email), existing="resume", **again)
    after = outcomes_in(out)
    assert after | {REFUSED.email: None} == {
        ANN.email: "ok",
        BAD.email: "failed",
        GONE.email: "not_found",
        REFUSED.email: None,
    }


@suffixes
async def test_what_nobody_asked_again_after_all_is_as_it_was(out):
    many = [evolve(ANN, index=at, email=f"user{at}@example.com") for at in range(3_000)]
    await write(out, *many)
    before = {record.email: record for record in read_results(out)}
    asked = [evolve(one, elapsed=9.0) for one in many[7:2_990:3]]
    with contextlib.suppress(ZeroDivisionError):
        async with open_results(out, "resume", older_than=timedelta()) as results:
            assert results.earlier == 0
            for lookup in asked:
                await results.write(lookup)
            raise ZeroDivisionError
    after = {record.email: record for record in read_results(out)}
    assert len(emails_in(out)) == len(after) == 3_000
    changed = {email for email, record in after.items() if record != before[email]}
    assert changed == {lookup.email for lookup in asked}
    assert {after[email].elapsed_ms for email in changed} == {9000.0}


@suffixes
async def test_a_new_record_takes_the_place_of_one_whose_domain_has_another_case(out):
    names = ["ann@Example.com", "bob@example.com", "Eve@example.com", "eve@example.com"]
    await write(out, *(evolve(ANN, email=name) for name in names))
    spelled = ["ann@EXAMPLE.com", "bob@example.COM", "eve@example.com"]
    new = [evolve(BAD, email=name) for name in spelled]
    await write(out, *new, existing="resume", retry={Outcome.OK})
    assert outcomes_in(out) == dict.fromkeys(spelled, "failed") | {"Eve@example.com": "ok"}


@suffixes
async def test_an_answer_takes_the_place_of_a_refusal_of_the_same_text(out):
    refused = [evolve(REFUSED, email=name) for name in ("a@b", "no-email")]
    await write(out, *refused)
    await write(out, evolve(ANN, email="a@b"), existing="resume", retry={Outcome.INVALID})
    assert outcomes_in(out) == {"a@b": "ok", "no-email": "invalid"}


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
async def test_older_records_that_somebody_spoils_meanwhile_are_told(out):
    await write(out, *(evolve(ANN, email=f"{name}@x") for name in "abcde"))
    results = open_results(out, "resume", older_than=timedelta())
    with out.open("r+b") as other:
        await (await results.__aenter__()).write(evolve(ANN, email="c@x"))
        other.seek(-300, 2)
        other.write(b"#" * 9)
    with pytest.raises(OutputFailedError, match=r"not asked again are lost: line .: torn, or no"):
        await results.__aexit__(None, None, None)
    assert emails_in(out) == ["c@x"]


@suffixes
async def test_nothing_is_written_twice_where_a_cancellation_meets_the_first_answer(out):
    await write(out, ANN, GONE)
    with contextlib.suppress(asyncio.CancelledError):
        async with open_results(out, "resume", older_than=timedelta()) as results:
            writing = asyncio.create_task(results.write(evolve(ANN, elapsed=9.0)))
            await asyncio.sleep(0)
            writing.cancel()
            await writing
    assert sorted(emails_in(out)) == [ANN.email, GONE.email]


def full(*_arguments):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
async def test_a_disk_that_is_full_in_the_end_is_told(out, monkeypatch):
    await write(out, ANN, GONE)
    results = open_results(out, "resume", older_than=timedelta())
    await (await results.__aenter__()).write(ANN)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputFailedError, match="disk full"):
        await results.__aexit__(None, None, None)
    monkeypatch.undo()
    assert emails_in(out) == [ANN.email]


@suffixes
async def test_old_records_are_asked_again_where_told_to(out):
    now = datetime.now(UTC)
    old = evolve(ANN, checked_at=now - timedelta(days=8))
    recent = evolve(GONE, checked_at=now - timedelta(days=6))
    await write(out, old, recent, BAD)
    async with open_results(out, "resume", older_than=timedelta(days=7)) as results:
        assert ("ann@example.com" in results, "gone@example.com" in results) == (False, True)
        await results.write(evolve(BAD, email="ann@example.com"))
    assert outcomes_in(out)["ann@example.com"] == "failed"
    assert len(emails_in(out)) == 3


@suffixes
async def test_a_file_that_is_there_is_refused_unless_told_otherwise(out):
    await write(out, ANN)
    with pytest.raises(OutputRefusedError, match="exists already") as raised:
        await write(out, BAD)
    assert "resume" in raised.value.hint
    assert emails_in(out) == ["ann@example.com"]
    await write(out, BAD, existing="overwrite")
    assert emails_in(out) == ["bad@example.com"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"existing": "append"}, "choose refuse, resume or overwrite"),
        ({"retry": {Outcome.FAILED}}, "need existing='resume'"),
        ({"older_than": timedelta(), "existing": "overwrite"}, "need existing='resume'"),
        ({"retry": {"great"}, "existing": "resume"}, "choose from ok, needs_reauth"),
    ],
)
async def test_what_does_not_go_together_is_said_before_anything_is_opened(tmp_path, how, words):
    with pytest.raises(ConfigurationError, match=words):
        await write(tmp_path / "out.csv", **how)
    assert list(tmp_path.iterdir()) == []


@suffixes
async def test_an_error_in_the_block_keeps_what_was_written_and_lets_the_file_go(out):
    async def failing():
        async with open_results(out) as results:
            await results.write(ANN)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert emails_in(out) == ["ann@example.com"]
    await write(out, BAD, existing="resume")


@suffixes
async def test_who_is_cancelled_in_the_block_keeps_what_was_written(out):
    async def endless():
        async with open_results(out) as results:
            await results.write(ANN)
            written.set()
            await asyncio.sleep(60)

    written = asyncio.Event()
    task = asyncio.create_task(endless())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert emails_in(out) == ["ann@example.com"]


@suffixes
async def test_a_time_limit_that_passes_while_it_is_closed_is_told(out, monkeypatch):
    slowly, finish = threading.Event(), Syncer._finish
    monkeypatch.setattr(Syncer, "_finish", lambda syncer: (slowly.wait(0.2), finish(syncer)))

    async def hurried():
        async with asyncio.timeout(None) as limit, open_results(out) as results:
            await results.write(ANN)
            limit.reschedule(asyncio.get_running_loop().time() + 0.05)

    with pytest.raises(TimeoutError):
        await hurried()
    assert emails_in(out) == ["ann@example.com"]


@suffixes
async def test_who_is_cancelled_twice_while_it_is_closed_keeps_what_was_written(out, monkeypatch):
    slowly, finish, closing = threading.Event(), Syncer._finish, []
    monkeypatch.setattr(
        Syncer, "_finish", lambda syncer: (closing.append(1), slowly.wait(5), finish(syncer))
    )
    writing = asyncio.create_task(write(out, ANN))
    await reached(lambda: closing)
    for _ in range(2):
        writing.cancel()
        await asyncio.sleep(0.01)
    assert not writing.done()
    slowly.set()
    await asyncio.wait([writing])
    assert writing.cancelled()
    assert emails_in(out) == ["ann@example.com"]


# Reading


@suffixes
async def test_records_are_read_lazily_and_the_file_is_closed(out):
    await write(out, ANN, BAD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with read_results(out) as records:
            assert next(records).email == "ann@example.com"
        assert list(records) == []
        for _ in read_results(out):
            break
        assert len(list(read_results(out))) == 2


@counts_descriptors
@suffixes
async def test_a_file_left_half_read_is_closed_without_the_collector(out):
    await write(out, ANN, BAD)
    before = open_files()
    gc.disable()
    try:
        for _ in read_results(out):
            break
        assert open_files() <= before
    finally:
        gc.enable()


@counts_descriptors
@suffixes
@pytest.mark.parametrize("last", ["reads on", "closes", "lets go"])
async def test_any_thread_reads_on(out, last, recwarn):
    await write(out, ANN, BAD)
    records = [await asyncio.to_thread(read_results, out)]
    assert await asyncio.to_thread(next, records[0])

    def in_another_thread():
        if last == "reads on":
            assert len(list(records[0])) == 1
        elif last == "closes":
            records[0].close()
        records.clear()

    before = open_files()
    thread = threading.Thread(target=in_another_thread)
    thread.start()
    thread.join()
    assert records == []
    # The thread that has read may not have let go of it yet.
    await reached(lambda: len(open_files()) < len(before))
    assert [str(warning.message) for warning in recwarn] == []


async def test_nothing_is_opened_before_the_first_record_is_wanted(tmp_path):
    records = read_results(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="No such file"):
        next(records)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
async def test_what_was_wrong_with_a_file_is_remarked_at_its_end(out):
    await write(out, ANN, BAD)
    out.write_bytes(b"".join(out.read_bytes().splitlines(keepends=True)[:-1]) + b"junk\nbad@e")
    records = read_results(out)
    assert records.remarks == ()
    assert [record.email for record in records] == ["ann@example.com"]
    assert [remark[:15] for remark in records.remarks] == ["The last record", "Left out, as no"]


# What is public


def test_the_room_shows_what_it_offers_and_nothing_else():
    assert dir(ltx_async.results) == [*ltx_async.results.__all__]
    for name in ltx_async.results.__all__:
        assert getattr(ltx_async.results, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Row'"):
        ltx_async.results.Row  # noqa: B018


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_neither_the_command_line_nor_a_database_is_loaded_for_nothing():
    loaded = loaded_by("import ltx_async.results.columns")
    assert not {"aiohttp", "click", "rich", "sqlite3"} & loaded
    loaded = loaded_by("from ltx_async.results import open_results, read_results")
    assert not {"aiohttp", "cattrs", "click", "rich", "ltx_async.cli"} & loaded


def test_the_documentation_names_every_suffix():
    assert [suffix for suffix in SUFFIXES if f"`{suffix}`" not in open_results.__doc__] == []
