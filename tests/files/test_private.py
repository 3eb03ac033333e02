import errno
import os
import stat
from pathlib import Path

import pytest

from ltx_async.cli.exits import ExitStatus, status_of
from ltx_async.files.claim import claim
from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.lock import LockFile
from ltx_async.files.private import create_private, reopen_private, verify_replaceable
from ltx_async.files.replacement import Replacement, write_whole


def test_a_new_file_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        create_private(tmp_path / "new").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_an_existing_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "old"
    path.write_text("kept")
    with pytest.raises(OutputRefusedError, match="exists already") as raised:
        create_private(path)
    assert "--overwrite" in raised.value.hint
    assert path.read_text() == "kept"


@pytest.mark.parametrize("opened", [create_private, reopen_private])
@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_symbolic_link_is_never_followed(tmp_path, opened, target):
    (tmp_path / "there").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(OutputRefusedError, match="symbolic link"):
        opened(tmp_path / "link")
    assert (tmp_path / "there").read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("with_reader", [True, False])
def test_a_fifo_is_refused_and_not_waited_for(tmp_path, with_reader):
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK) if with_reader else None
    with pytest.raises(OutputRefusedError, match="no regular file"):
        reopen_private(tmp_path / "fifo")
    if reader is not None:
        os.close(reader)


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OutputRefusedError, match="No such file") as raised:
        create_private(tmp_path / "no" / "file")
    assert status_of(raised.value) is ExitStatus.USAGE


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize(
    "make",
    [
        create_private,
        reopen_private,
        LockFile.beside,
        Replacement.at,
        lambda path: claim(path, "x"),
        lambda path: write_whole(path, b"x"),
    ],
)
def test_a_full_disk_is_called_one_where_a_file_cannot_be_made(tmp_path, monkeypatch, make, number):
    def full(*_arguments):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        with pytest.raises(OutputFailedError, match=r"x(-lock)?: disk full") as raised:
            make(tmp_path / "x")
    assert status_of(raised.value) is ExitStatus.STOPPED
    assert "Make room" in raised.value.hint


def long_name(directory):
    return directory / ("s" * 300)


def directory_itself(directory):
    return directory


def link_to_nothing(directory):
    (directory / "link").symlink_to("nowhere")
    return directory / "link"


def link_to_a_file(directory):
    (directory / "there").touch()
    (directory / "link").symlink_to("there")
    return directory / "link"


def fifo(directory):
    os.mkfifo(directory / "fifo")
    return directory / "fifo"


def link_to_a_fifo(directory):
    fifo(directory)
    (directory / "link").symlink_to("fifo")
    return directory / "link"


def in_no_directory(directory):
    return directory / "no" / "file"


def below_a_file(directory):
    (directory / "there").touch()
    return directory / "there" / "file"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (long_name, "File name too long"),
        (directory_itself, "no regular file"),
        (link_to_nothing, "symbolic link"),
        (link_to_a_file, "symbolic link"),
        (fifo, "no regular file"),
        (link_to_a_fifo, "no regular file"),
        (in_no_directory, "No such file"),
        (below_a_file, "Not a directory"),
    ],
)
def test_what_cannot_be_written_whole_is_known_beforehand(tmp_path, make, problem):
    path = make(tmp_path)
    with pytest.raises(OutputRefusedError, match=problem) as raised:
        verify_replaceable(path)
    assert str(path) in str(raised.value)
    with pytest.raises(OutputRefusedError, match=problem):
        write_whole(path, b"x")


@pytest.mark.parametrize("there", [False, True])
def test_a_directory_that_takes_no_new_file_is_known_beforehand(tmp_path, monkeypatch, there):
    path = tmp_path / "file"
    if there:
        path.touch()
    verify_replaceable(path)
    monkeypatch.setattr(os, "access", lambda directory, _mode: directory != tmp_path)
    with pytest.raises(OutputRefusedError, match="file: Permission denied"):
        verify_replaceable(path)


def test_what_is_there_is_refused_beforehand_too(tmp_path):
    path = tmp_path / "file"
    verify_replaceable(path, overwrite=False)
    path.touch()
    verify_replaceable(path)
    with pytest.raises(OutputRefusedError, match="exists already"):
        verify_replaceable(path, overwrite=False)


def test_no_help_is_needed_of_methods_that_keep_quiet_about_bad_names(tmp_path, monkeypatch):
    """From Python 3.14 on, `Path.is_symlink` and its like are False for what no name can be."""
    for name in ("is_symlink", "exists", "is_file", "is_dir"):
        plain = getattr(Path, name)

        def quiet(path, *arguments, plain=plain, **options):
            try:
                return plain(path, *arguments, **options)
            except OSError:
                return False

        monkeypatch.setattr(Path, name, quiet)
    with pytest.raises(OutputRefusedError, match="File name too long"):
        verify_replaceable(tmp_path / ("s" * 300))
    with pytest.raises(OutputRefusedError, match="File name too long"):
        create_private(tmp_path / ("s" * 300))


def test_a_directory_that_cannot_be_searched_is_told(tmp_path, monkeypatch):
    def denied(*_arguments, **_named):
        raise PermissionError(13, "Permission denied")

    for name in ("lstat", "stat"):
        monkeypatch.setattr(Path, name, denied)
    monkeypatch.setattr(os, "open", denied)
    for call in (verify_replaceable, lambda path: create_private(path)):
        with pytest.raises(OutputRefusedError, match="file: Permission denied"):
            call(tmp_path / "file")
