import errno
import fcntl
import os
import stat

import pytest

from ltx_async.cli.exits import ExitStatus, status_of
from ltx_async.files.claim import claim
from ltx_async.files.errors import OutputRefusedError
from ltx_async.files.lock import LockFile, lock
from ltx_async.files.open_file import OpenFile
from ltx_async.files.private import reopen_private
from ltx_async.files.replacement import Replacement


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


REFUSALS = [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL]


@pytest.fixture(params=REFUSALS, ids=errno.errorcode.get)
def no_locks(request, monkeypatch):
    """A file system that has none."""

    def unsupported(*_arguments):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", unsupported)


@pytest.mark.usefixtures("no_locks")
def test_where_there_are_no_locks_a_file_stands_for_one(tmp_path):
    path = tmp_path / "out"
    first, second = opened(path), opened(path)
    lock(first)
    assert path.with_name("out-locked").exists()
    with pytest.raises(OutputRefusedError, match="out: another ltx-async is writing to it"):
        lock(second)
    second.close()
    with pytest.raises(OutputRefusedError):
        lock(third := opened(path))
    third.close()
    first.close()
    lock(fourth := opened(path))
    fourth.close()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("no_locks")
def test_where_there_are_no_locks_a_lock_file_is_one_s_alone(tmp_path):
    held = LockFile.beside(tmp_path / "out.db")
    with pytest.raises(OutputRefusedError, match=r"out\.db: another ltx-async"):
        LockFile.beside(tmp_path / "out.db")
    held.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.usefixtures("no_locks")
def test_where_there_are_no_locks_a_replacement_takes_the_lock_over(tmp_path, there):
    path = tmp_path / "out"
    if there:
        path.write_text("old")
    with Replacement.at(path):
        assert path.with_name("out-locked").exists()
    assert sorted(tmp_path.iterdir()) == [path] * there
    replacement = Replacement.at(path)
    new = replacement.put_in_place()
    for _ in range(2):
        with pytest.raises(OutputRefusedError, match="out: another ltx-async"):
            reopen_private(path)
    new.close()
    reopen_private(path).close()
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_machine_has_without_locks_is_not_taken_from_it_by_one(tmp_path):
    path = tmp_path / "out"
    taken = claim(path.with_name("out-locked"), "out")
    file = opened(path)
    with pytest.raises(OutputRefusedError, match="out: another ltx-async"):
        lock(file)
    file.close()
    taken.release()


@pytest.mark.usefixtures("no_locks")
def test_a_name_of_any_length_has_its_lock(tmp_path):
    path = tmp_path / ("x" * 250 + ".csv")
    lock(file := opened(path))
    with pytest.raises(OutputRefusedError, match="another ltx-async"):
        lock(other := opened(path))
    other.close()
    file.close()
    assert list(tmp_path.iterdir()) == [path]


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
