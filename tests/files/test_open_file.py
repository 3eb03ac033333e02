import contextlib
import errno
import os
import stat

import pytest

from ltx_async.files import open_file as opening
from ltx_async.files.errors import OutputFailedError, OutputRefusedError, UnsavedError
from ltx_async.files.open_file import OpenFile, sync_directory
from ltx_async.files.private import create_private, reopen_private


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def file(out):
    made = create_private(out)
    yield made
    made.close()


def failing(number):
    def fail(*_arguments):
        raise OSError(number, os.strerror(number))

    return fail


def with_room_for(size, monkeypatch):
    """Let the disk take `size` bytes more, the last of them in a short write."""
    room, write = [size], os.write

    def short(descriptor, data):
        taken = min(len(data), room[0])
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= taken
        return write(descriptor, data[:taken])

    monkeypatch.setattr(os, "write", short)


# Writing


def test_all_of_it_is_written_however_little_is_taken_at_a_time(file, out, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    file.write(b"all of it")
    assert out.read_bytes() == b"all of it"


@pytest.mark.parametrize("room", [0, 1, 5])
def test_what_cannot_be_written_whole_is_not_there_at_all(file, out, monkeypatch, room):
    file.write(b"before")
    with_room_for(room, monkeypatch)
    with pytest.raises(OutputFailedError, match="out: disk full"):
        file.write(b"behind")
    assert out.read_bytes() == b"before"
    monkeypatch.undo()
    file.write(b", again")
    file.sync()
    assert out.read_bytes() == b"before, again"


def test_a_pipe_that_breaks_in_the_middle_is_a_broken_pipe(monkeypatch):
    reading, writing = os.pipe()
    write = os.write

    def broken(descriptor, data):
        os.close(reading) if data == b"rest" else None
        return write(descriptor, data[:4])

    monkeypatch.setattr(os, "write", broken)
    with pytest.raises(BrokenPipeError):
        OpenFile("standard output", writing).write(b"and rest")
    os.close(writing)


def test_a_failure_on_closing_is_told(out):
    file = create_private(out)
    os.close(file.descriptor)
    with pytest.raises(OutputFailedError, match="out: Bad file descriptor"):
        file.close()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_does_not_keep_what_was_written_is_told(file, monkeypatch, number):
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(number))
        for call in (file.sync, file.sync_name):
            with pytest.raises(OutputFailedError, match="out: "):
                call()


# Still there


def test_a_file_that_was_removed_has_kept_nothing(file, out):
    file.write(b"x")
    out.unlink()
    with pytest.raises(UnsavedError, match="out: was removed") as raised:
        file.sync()
    assert raised.value.outcomes is None


def test_a_file_that_was_replaced_has_kept_nothing(file, out):
    file.write(b"x")
    other = out.with_name("other")
    other.write_bytes(b"y")
    other.replace(out)
    with pytest.raises(UnsavedError, match="out: was removed"):
        file.sync()


@pytest.mark.parametrize("put_in_its_place", [False, True])
def test_a_file_that_was_moved_has_kept_everything_elsewhere(file, out, put_in_its_place):
    file.write(b"x")
    out.rename(out.with_name("elsewhere"))
    if put_in_its_place:
        out.touch()
    with pytest.raises(OutputFailedError, match="out: was moved") as raised:
        file.sync()
    assert not isinstance(raised.value, UnsavedError)
    assert "--resume" in raised.value.hint


def test_a_directory_that_was_moved_is_noticed_too(tmp_path):
    (tmp_path / "results").mkdir()
    file = create_private(tmp_path / "results" / "out")
    (tmp_path / "results").rename(tmp_path / "archive")
    with pytest.raises(OutputFailedError, match="was moved"):
        file.sync()
    file.close()


@pytest.mark.parametrize("left", [0, 5])
@pytest.mark.parametrize("more", [b"", b"more"])
def test_a_file_that_was_cut_has_not_kept_everything(file, out, left, more):
    file.write(b"x" * 100)
    file.sync()
    os.truncate(out, left)
    file.write(more)
    with pytest.raises(UnsavedError, match="out: was cut"):
        file.sync()


def test_what_was_there_before_counts_for_the_length(out):
    out.write_bytes(b"x" * 100)
    file = reopen_private(out)
    file.truncate(50)
    file.sync()
    os.truncate(out, 0)
    file.write(b"y" * 49)
    with pytest.raises(UnsavedError, match="was cut"):
        file.sync()
    file.close()


# File systems that can do less


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EINVAL])
def test_a_file_system_without_modes_is_written_to(out, monkeypatch, number):
    monkeypatch.setattr(os, "fchmod", failing(number))
    create_private(out).close()
    assert out.exists()


def test_without_fchmod_a_new_file_is_private_all_the_same(out, monkeypatch):
    monkeypatch.delattr(os, "fchmod")
    create_private(out).close()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_somebody_else_has_laid_there_is_refused(out, monkeypatch):
    """He could read all that is written to it: the directory is not his, as /tmp is not."""
    out.write_text("kept")
    os.chown(out, 4321, -1)
    reopen_private(out).close()  # root may do anything to it
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    with pytest.raises(OutputRefusedError, match="belongs to somebody else"):
        reopen_private(out)
    assert out.read_text() == "kept"
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    reopen_private(out).close()


def test_where_a_file_system_keeps_no_owners_everything_is_ours(out, monkeypatch):
    out.write_text("kept")
    monkeypatch.setattr(os, "geteuid", lambda: out.stat().st_uid + 1)
    reopen_private(out).close()


def test_a_disk_that_fails_is_no_file_system_without_modes(out, monkeypatch):
    monkeypatch.setattr(os, "fchmod", failing(errno.EIO))
    with (
        contextlib.closing(create_private(out)) as file,
        pytest.raises(OutputFailedError, match="out: Input/output error"),
    ):
        file.set_mode(0o644)


def test_a_mode_that_is_right_is_left_alone(out, monkeypatch):
    monkeypatch.setattr(os, "fchmod", failing(errno.EIO))
    create_private(out).close()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("refuse", [failing(errno.EPERM), lambda *_: None])
def test_a_file_system_that_lets_others_read_all_the_same_is_told(out, monkeypatch, caplog, refuse):
    monkeypatch.setattr(os, "fchmod", refuse)
    out.touch(0o755)
    file = reopen_private(out)
    file.set_mode(0o644)  # that others may read
    assert not caplog.records
    file.set_mode(0o600)
    file.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"{out}: others may read it: its file system keeps no modes"
    ]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES])
@pytest.mark.parametrize("call", ["open", "fsync"])
def test_a_directory_that_cannot_be_synced_is_left(tmp_path, monkeypatch, number, call):
    monkeypatch.setattr(os, call, failing(number))
    sync_directory(tmp_path)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_directory_on_a_disk_that_fails_is_told(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        sync_directory(tmp_path)


def test_a_directory_is_brought_to_the_disk_where_that_can_be_done(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(opening.os, "fsync", calls.append)
    sync_directory(tmp_path)
    assert len(calls) == 1
    monkeypatch.setattr(opening.os, "name", "nt")
    sync_directory(tmp_path)
    assert len(calls) == 1


def test_standard_output_has_no_place_to_be_moved_from():
    assert OpenFile("standard output", 1).is_in_place


@pytest.mark.parametrize(("number", "there"), [(errno.ENOENT, False), (errno.EACCES, True)])
def test_a_place_that_cannot_be_looked_at_is_not_taken_for_empty(file, monkeypatch, number, there):
    monkeypatch.setattr(type(file.path), "stat", lambda *_, **__: failing(number)())
    assert file.is_in_place is there
