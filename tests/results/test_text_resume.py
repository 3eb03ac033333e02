import asyncio
import fcntl
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from command_line import NOW, make_lookup

from ltx_async import Outcome, ServerError
from ltx_async.alerts import Need, Thresholds
from ltx_async.cli.checking.earlier import Earlier, EarlierResults
from ltx_async.cli.exits import ExitStatus, status_of
from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.replacement import Replacement
from ltx_async.inputs.seen import Meeting
from ltx_async.results.csv_format import CSV
from ltx_async.results.earlier import EarlierRecords, Renewal
from ltx_async.results.jsonl_format import JSON_LINES
from ltx_async.results.text import resume as textresume
from ltx_async.results.text.resume import resume_text

FAILED = make_lookup("bad@example.com", error=ServerError("HTTP 503", status=503))
LOOKUPS = [
    make_lookup(wire={"email": "ann@example.com", "balance": {"LTXStudio_token": 3}}),
    FAILED,
    make_lookup("bob@example.com", wire={"email": "bob@example.com"}),
]
formats = pytest.mark.parametrize("form", [JSON_LINES, CSV], ids=["jsonl", "csv"])


def content(form, *lookups) -> bytes:
    return form.header + b"".join(map(form.encode, lookups))


def seen_by(earlier):
    """The emails that the records of a resumed output were remembered in."""
    return earlier.on_record.__self__.seen


async def resumed(path, form, *, retry_failed=False, thresholds=None):
    renewal = Renewal(frozenset({Outcome.FAILED})) if retry_failed else Renewal()
    earlier = EarlierRecords(EarlierResults(thresholds=thresholds or Thresholds()).add, renewal)
    writer = await resume_text(path, form, earlier)
    return writer, earlier


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@formats
@pytest.mark.parametrize("retry_failed", [False, True])
@pytest.mark.parametrize("before", [None, b"", b"half of the header"])
async def test_an_output_without_a_record_is_begun(out, form, retry_failed, before):
    if before is not None:
        out.write_bytes(form.header[:7] if before else before)
    writer, earlier = await resumed(out, form, retry_failed=retry_failed)
    await writer.write(LOOKUPS[0])
    await writer.close()
    assert out.read_bytes() == content(form, LOOKUPS[0])
    assert earlier.count == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@formats
async def test_records_are_taken_in_and_others_follow_them(out, form):
    out.write_bytes(content(form, *LOOKUPS[:2]))
    out.chmod(0o644)
    writer, earlier = await resumed(out, form)
    await writer.write(LOOKUPS[2])
    await writer.close()
    assert out.read_bytes() == content(form, *LOOKUPS)
    assert (earlier.count, earlier.remarks) == (2, [])
    assert seen_by(earlier).meet("ann@EXAMPLE.com") == Earlier(Outcome.OK)
    bad = seen_by(earlier).meet("bad@example.com")
    assert (bad.outcome, bad.needs) == (Outcome.FAILED, (Need.FAILED,))
    assert seen_by(earlier).meet("bob@example.com") is Meeting.FIRST
    assert stat.S_IMODE(out.stat().st_mode) == 0o644  # its owner has let others read it


@formats
async def test_a_torn_end_is_cut_off_before_anything_is_appended(out, form):
    out.write_bytes(content(form, *LOOKUPS)[:-5])
    writer, earlier = await resumed(out, form)
    assert out.read_bytes() == content(form, *LOOKUPS[:2])
    await writer.write(LOOKUPS[2])
    await writer.close()
    assert out.read_bytes() == content(form, *LOOKUPS)
    assert earlier.remarks == ["the last record was torn, and has been cut off"]


@formats
async def test_a_torn_end_that_is_there_until_there_is_an_answer_is_not_called_cut_off(out, form):
    torn = content(form, *LOOKUPS)[:-5]
    out.write_bytes(torn)
    writer, earlier = await resumed(out, form, retry_failed=True)
    await writer.close()
    assert out.read_bytes() == torn
    assert earlier.remarks == ["the last record is torn, and is left out"]


@pytest.mark.parametrize("retry_failed", [False, True])
async def test_an_email_that_holds_a_row_is_resumed_as_one_record(out, retry_failed):
    email = "x\n" + CSV.encode(LOOKUPS[2]).decode()
    odd = make_lookup(email, error=ServerError("refused", status=400), outcome=Outcome.INVALID)
    out.write_bytes(content(CSV, odd, LOOKUPS[0]) + b"bob@exa\0\0\0")
    writer, earlier = await resumed(out, CSV, retry_failed=retry_failed)
    await writer.write(LOOKUPS[2])
    await writer.close()
    assert out.read_bytes() == content(CSV, odd, LOOKUPS[0], LOOKUPS[2])
    assert (earlier.count, len(earlier.remarks)) == (2, 1)
    assert seen_by(earlier).meet("bob@example.com") is Meeting.FIRST


async def renewed(path, form, *lookups):
    writer, _ = await resumed(path, form, retry_failed=True)
    try:
        for lookup in lookups:
            await writer.write(lookup)
    finally:
        await writer.close()


@formats
async def test_failed_records_are_dropped_by_a_new_file_in_place_of_the_old_one(out, form):
    out.write_bytes(content(form, *LOOKUPS)[:-5])
    out.chmod(0o640)
    before, old = out.stat().st_ino, out.read_bytes()
    writer, earlier = await resumed(out, form, retry_failed=True)
    assert (out.stat().st_ino, out.read_bytes()) == (before, old)
    await writer.write(FAILED)
    assert out.stat().st_ino != before
    await writer.close()
    assert out.read_bytes() == content(form, LOOKUPS[0], FAILED)
    assert (earlier.count, len(earlier.remarks)) == (1, 1)
    assert seen_by(earlier).meet("bad@example.com") is Meeting.FIRST
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert [path.name for path in out.parent.iterdir()] == ["out"]


async def test_a_large_output_is_rewritten_in_pieces_and_signals_are_heard(out, monkeypatch):
    monkeypatch.setattr(textresume, "_AT_A_TIME", 1000)
    monkeypatch.setattr("ltx_async.results.text.scanner._PIECE", 500)
    many = [make_lookup(f"{number}@example.com") for number in range(100)]
    out.write_bytes(content(JSON_LINES, *many, FAILED, *many))
    turns = []
    asyncio.get_running_loop().call_soon(turns.append, 1)
    writer, _ = await resumed(out, JSON_LINES, retry_failed=True)
    await writer.put_in_place()
    await writer.close()
    assert turns
    assert out.read_bytes() == content(JSON_LINES, *many, *many, FAILED)


@formats
@pytest.mark.parametrize("retry_failed", [False, True])
@pytest.mark.parametrize("foreign", [b"kept\n", b'{"email": "ann@example.com"}\n', b"a,b\n1,2\n"])
async def test_a_foreign_file_is_refused_and_left_as_it_is(out, form, retry_failed, foreign):
    out.write_bytes(foreign)
    out.chmod(0o644)
    with pytest.raises(OutputRefusedError, match="out, line 1: not what `check`") as raised:
        await resumed(out, form, retry_failed=retry_failed)
    assert status_of(raised.value) is ExitStatus.USAGE
    assert "Nothing was changed" in raised.value.hint
    assert (out.read_bytes(), stat.S_IMODE(out.stat().st_mode)) == (foreign, 0o644)
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@formats
@pytest.mark.parametrize("retry_failed", [False, True])
async def test_a_line_torn_in_the_middle_is_refused_by_its_number(out, form, retry_failed):
    torn = content(form, LOOKUPS[0])[:-9] + form.encode(FAILED) * 2
    out.write_bytes(torn)
    line = 1 + bool(form.header)
    with pytest.raises(OutputRefusedError, match=f"out, line {line}: "):
        await resumed(out, form, retry_failed=retry_failed)
    assert out.read_bytes() == torn


@pytest.mark.parametrize("retry_failed", [False, True])
async def test_links_and_directories_are_refused(out, tmp_path, retry_failed):
    (tmp_path / "target").write_bytes(b"")
    out.symlink_to(tmp_path / "target")
    with pytest.raises(OutputRefusedError, match="symbolic link"):
        await resumed(out, JSON_LINES, retry_failed=retry_failed)
    with pytest.raises(OutputRefusedError, match="directory"):
        await resumed(tmp_path, JSON_LINES, retry_failed=retry_failed)


@formats
@pytest.mark.parametrize("retry_failed", [False, True])
async def test_the_lock_holds_from_the_first_look_to_the_close(out, form, retry_failed):
    out.write_bytes(content(form, *LOOKUPS))
    writer, _ = await resumed(out, form, retry_failed=retry_failed)
    whole = out.read_bytes()
    for again in (False, True):
        with pytest.raises(OutputRefusedError, match="another ltx-async is writing to it"):
            await resumed(out, form, retry_failed=again)
    assert out.read_bytes() == whole
    await writer.close()
    writer, _ = await resumed(out, form)
    await writer.close()


async def test_who_waited_with_the_file_that_was_replaced_is_refused(out, monkeypatch):
    """The other process opens the old file, we replace it and let it go, and it locks that."""
    out.write_bytes(content(JSON_LINES, *LOOKUPS))
    flock = fcntl.flock

    def replaced_meanwhile(descriptor, operation):
        monkeypatch.setattr(fcntl, "flock", flock)
        new = out.with_name("new")
        new.write_bytes(b"")
        new.replace(out)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", replaced_meanwhile)
    with pytest.raises(OutputRefusedError, match="another ltx-async is writing to it"):
        await resumed(out, JSON_LINES)
    assert out.read_bytes() == b""


def full(*_arguments):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_a_disk_that_is_full_while_rewriting_leaves_the_old_file(out, monkeypatch, call):
    out.write_bytes(content(CSV, *LOOKUPS))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OutputFailedError, match="disk full") as raised:
            await renewed(out, CSV, FAILED)
    assert status_of(raised.value) is ExitStatus.STOPPED
    assert out.read_bytes() == content(CSV, *LOOKUPS)
    assert [path.name for path in out.parent.iterdir()] == ["out"]


async def test_an_end_that_cannot_be_cut_off_is_told(out, monkeypatch):
    out.write_bytes(content(JSON_LINES, *LOOKUPS)[:-5])
    monkeypatch.setattr(textresume.os, "ftruncate", full)
    with pytest.raises(OutputFailedError, match="disk full"):
        await resumed(out, JSON_LINES)


async def test_an_output_that_cannot_be_read_is_told(out, monkeypatch):
    def unreadable(*_arguments):
        raise OSError(5, "Input/output error")

    out.write_bytes(content(JSON_LINES, *LOOKUPS))
    monkeypatch.setattr(textresume, "read_piece", unreadable)
    with pytest.raises(OutputFailedError, match="Input/output error") as raised:
        await resumed(out, JSON_LINES)
    assert status_of(raised.value) is ExitStatus.STOPPED


def test_what_a_killed_replacement_left_is_removed(out):
    left_over = out.with_name(".out.new")
    left_over.symlink_to(out)
    out.write_bytes(b"old")
    with Replacement.at(out) as new:
        new.file.write(b"new")
        assert out.read_bytes() == b"old"
        new.put_in_place().close()
    assert out.read_bytes() == b"new"
    assert not left_over.exists()


@formats
async def test_alerts_are_as_of_now_and_counted_where_the_email_is_met(out, form):
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="milliseconds")
    wire = {"email": "ann@example.com", "refreshTokenExpireUTC": soon.replace("+00:00", "Z")}
    out.write_bytes(content(form, make_lookup(wire=wire), *LOOKUPS[1:]))
    assert datetime.now(UTC) - timedelta(days=7) > NOW  # then, it was no alert
    week = Thresholds(expires_within=timedelta(days=7))
    writer, earlier = await resumed(out, form, thresholds=week)
    await writer.close()
    met = seen_by(earlier).meet("ann@example.com")
    assert met.attention.text.startswith("sign-in ends in 2 days (")
    assert seen_by(earlier).meet("bob@example.com") == Earlier(Outcome.OK)
