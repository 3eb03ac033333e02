import os
import stat
from pathlib import Path

import pytest

from ltx_async.cli.exits import ExitStatus, status_of
from ltx_async.files import private as privatefile
from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.open_file import OpenFile
from ltx_async.files.private import open_private, write_private


def test_a_new_file_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        open_private(tmp_path / "new", overwrite=False).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_an_existing_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "old"
    path.write_text("kept")
    with pytest.raises(OutputRefusedError, match="exists already") as raised:
        open_private(path, overwrite=False)
    assert "--overwrite" in raised.value.hint
    assert path.read_text() == "kept"


def test_overwriting_empties_the_file_and_makes_it_private(tmp_path):
    path = tmp_path / "old"
    path.write_text("x" * 100)
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_symbolic_link_is_never_followed(tmp_path, overwrite, target):
    (tmp_path / "there").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(OutputRefusedError, match="symbolic link"):
        open_private(tmp_path / "link", overwrite=overwrite)
    assert (tmp_path / "there").read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("with_reader", [True, False])
def test_a_fifo_is_refused_and_not_waited_for(tmp_path, with_reader):
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK) if with_reader else None
    with pytest.raises(OutputRefusedError, match="no regular file"):
        open_private(tmp_path / "fifo", overwrite=True)
    if reader is not None:
        os.close(reader)


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OutputRefusedError, match="No such file") as raised:
        open_private(tmp_path / "no" / "file", overwrite=False)
    assert status_of(raised.value) is ExitStatus.USAGE


def test_a_full_disk_is_called_one(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    for name in ("open", "ftruncate"):
        with monkeypatch.context() as patch:
            patch.setattr(privatefile.os, name, full)
            with pytest.raises(OutputFailedError, match="disk full"):
                open_private(tmp_path / "x", overwrite=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_failed_write_is_told(tmp_path, monkeypatch):
    full = OpenFile("x", os.open("/dev/full", os.O_WRONLY))
    monkeypatch.setattr(privatefile, "open_private", lambda _path, *, overwrite: full)
    with pytest.raises(OutputFailedError, match="disk full"):
        write_private(tmp_path / "x", b"data")
