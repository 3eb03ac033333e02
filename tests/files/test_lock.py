import errno
import fcntl
import os
import stat

import pytest

from ltx_async.cli.exits import ExitStatus, status_of
from ltx_async.files.errors import OutputRefusedError
from ltx_async.files.lock import LockFile, lock
from ltx_async.files.open_file import OpenFile


def opened(path):
    return OpenFile(str(path), os.open(path, os.O_RDWR | os.O_CREAT), path)


def test_a_lock_is_held_by_one_and_ends_with_its_descriptor(tmp_path):
    path = tmp_path / "out"
    first, second = opened(path), opened(path)
    lock(first)
    with pytest.raises(
        OutputRefusedError, match="out: another ltx-async is writing to it"
    ) as raised:
        lock(second)
    assert status_of(raised.value) is ExitStatus.USAGE
    first.close()
    lock(second)
    second.close()


def test_the_lock_of_a_file_that_is_there_no_more_is_worth_nothing(tmp_path):
    path = tmp_path / "out"
    file = opened(path)
    path.unlink()
    with pytest.raises(OutputRefusedError):
        lock(file)
    opened(path).close()
    with pytest.raises(OutputRefusedError):
        lock(file)
    file.close()


def test_a_file_system_without_locks_is_used_without_them(tmp_path, monkeypatch):
    def unsupported(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    file = opened(tmp_path / "out")
    lock(file)
    file.close()


def test_a_lock_file_is_private_and_vanishes_with_the_lock(tmp_path):
    output = tmp_path / "out.db"
    held = LockFile.beside(output)
    assert held.path == tmp_path / "out.db-lock"
    assert stat.S_IMODE(held.path.stat().st_mode) == 0o600
    with pytest.raises(OutputRefusedError, match=r"out\.db: another ltx-async"):
        LockFile.beside(output)
    held.release()
    assert not held.path.exists()


def test_a_lock_file_that_was_left_behind_does_not_lock(tmp_path):
    (tmp_path / "out.db-lock").touch()
    LockFile.beside(tmp_path / "out.db").release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_is_never_made_through_a_link(tmp_path):
    (tmp_path / "out.db-lock").symlink_to(tmp_path / "target")
    with pytest.raises(OutputRefusedError, match=r"out\.db-lock"):
        LockFile.beside(tmp_path / "out.db")
    assert not (tmp_path / "target").exists()
