import errno
import os
import stat
import threading

import pytest

from ltx_async.files import open_file, replacement
from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.replacement import Replacement, write_whole

CALLS = ["write", "fsync", "fchmod", "open", "close"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def failing(number):
    def fail(*_arguments, **_named):
        raise OSError(number, os.strerror(number))

    return fail


def failing_here(call, number):
    """Have a call of the system fail in this thread alone: those that others left go on."""
    real, here = getattr(os, call), threading.get_ident()
    fail = failing(number)
    return lambda *args, **named: (fail if threading.get_ident() == here else real)(*args, **named)


def test_a_file_is_replaced_by_another_one(path):
    path.write_text("x" * 100)
    path.chmod(0o644)
    before = path.stat().st_ino
    write_whole(path, b"new")
    assert path.read_text() == "new"
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mask", [0, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_its_mode_is_as_wanted_whatever_the_umask(path, mask, mode):
    before = os.umask(mask)
    try:
        write_whole(path, b"new", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
@pytest.mark.parametrize("there", [False, True])
def test_whatever_fails_what_was_there_is_as_it_was(path, monkeypatch, call, number, there):
    if there:
        path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing_here(call, number))
        with pytest.raises((OutputFailedError, OutputRefusedError), match="file: ") as raised:
            write_whole(path, b"new", mode=0o644)
    assert str(path) in str(raised.value)
    assert [(file.name, file.read_text()) for file in path.parent.iterdir()] == (
        [("file", "old")] if there else []
    )


def test_a_full_disk_says_what_became_of_the_old_one(path, monkeypatch):
    monkeypatch.setattr(os, "write", failing(errno.ENOSPC))
    with pytest.raises(OutputFailedError, match="file: disk full") as raised:
        write_whole(path, b"new")
    assert "What was there before is as it was" in raised.value.hint


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_cannot_be_put_in_place_leaves_nothing(path, monkeypatch, overwrite):
    monkeypatch.setattr(type(path), "replace", failing(errno.EBUSY))
    with pytest.raises(OutputFailedError, match="file: Device or resource busy"):
        write_whole(path, b"new", overwrite=overwrite)
    assert list(path.parent.iterdir()) == []


def test_a_name_that_somebody_takes_meanwhile_is_his(path, monkeypatch):
    sync = open_file.OpenFile.sync

    def slow(file):
        path.write_text("his")
        sync(file)

    monkeypatch.setattr(open_file.OpenFile, "sync", slow)
    with pytest.raises(OutputRefusedError, match="file: exists already"):
        write_whole(path, b"new", overwrite=False)
    assert path.read_text() == "his"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_that_comes_meanwhile_is_replaced_and_not_followed(path, monkeypatch):
    victim = path.with_name("victim")
    victim.write_text("kept")
    monkeypatch.setattr(replacement, "verify_replaceable", lambda *_, **__: None)
    path.symlink_to(victim)
    write_whole(path, b"new")
    assert (path.read_text(), victim.read_text(), path.is_symlink()) == ("new", "kept", False)


def test_many_writers_of_one_file_leave_one_whole_version(path):
    versions = [bytes([letter]) * 100_000 for letter in b"abcdefgh"]
    seen = set()

    def write(version):
        for _ in range(5):
            write_whole(path, version)
            seen.add(path.read_bytes())

    threads = [threading.Thread(target=write, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= set(versions)
    assert list(path.parent.iterdir()) == [path]


def test_the_longest_name_there_can_be_is_written_to(tmp_path):
    path = tmp_path / ("x" * 255)
    write_whole(path, b"new")
    write_whole(path, b"newer")
    assert path.read_bytes() == b"newer"


def test_a_replacement_that_is_not_put_in_place_vanishes(path):
    path.write_text("old")
    with Replacement.at(path) as new:
        new.file.write(b"new")
        assert len(list(path.parent.iterdir())) == 2
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
