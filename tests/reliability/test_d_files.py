"""Promise 25: what is written is the owner's alone, and lies where it was asked for."""

import contextlib
import json
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ltx_async.files.errors import FileError
from ltx_async.files.private import create_private
from ltx_async.files.replacement import Replacement

from .replies import ok
from .shell import ltx, wire_server

SUFFIXES = ["jsonl", "csv", "sqlite"]


@pytest.fixture
def check(tmp_path):
    """Check one email into some files, under the most generous umask."""
    before = os.umask(0)
    with wire_server(ok) as server:

        def run(*arguments):
            return ltx(
                *("check", "-", "-q", *arguments),
                base_url=server.base_url,
                cwd=tmp_path,
                given=b"ann@example.com\n",
            )

        yield run
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_results_are_readable_by_their_owner_alone(check, tmp_path, suffix):
    ended = check("-o", f"out.{suffix}", "--summary-json", "summary.json")
    assert ended.status == 0, ended.err
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {
        f"out.{suffix}": 0o600,
        "summary.json": 0o600,
    }


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_results_that_lay_open_are_closed_when_they_are_overwritten(check, tmp_path, suffix):
    output = tmp_path / f"out.{suffix}"
    output.write_bytes(b"")
    output.chmod(0o666)
    ended = check("-o", output, "--overwrite")
    assert ended.status == 0, ended.err
    assert mode(output) == 0o600
    assert output.stat().st_size


@pytest.mark.parametrize("options", [(), ("--overwrite",), ("--resume",)], ids=repr)
@pytest.mark.parametrize("target", ["there", "nowhere"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_results_never_go_through_a_symbolic_link(check, tmp_path, suffix, target, options):
    (tmp_path / "there").write_bytes(b"kept")
    (tmp_path / f"out.{suffix}").symlink_to(tmp_path / target)
    ended = check("-o", f"out.{suffix}", *options)
    assert (ended.status, ended.out) == (2, b"")
    assert f"out.{suffix}: ".encode() in ended.err
    assert (tmp_path / "there").read_bytes() == b"kept"
    assert not (tmp_path / "nowhere").exists()
    assert (tmp_path / f"out.{suffix}").is_symlink()


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_summary_never_goes_through_a_symbolic_link(check, tmp_path, target):
    (tmp_path / "there").write_bytes(b"kept")
    (tmp_path / "summary.json").symlink_to(target)
    ended = check("--summary-json", "summary.json")
    assert ended.status == 2
    assert (tmp_path / "there").read_bytes() == b"kept"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("companion", ["-wal", "-journal", "-shm", "-lock"])
def test_no_companion_of_a_database_goes_through_a_symbolic_link(check, tmp_path, companion):
    """These are opened by name; whoever may write here could have put a link there."""
    (tmp_path / "there").write_bytes(b"kept")
    for target in ("there", "nowhere"):
        link = tmp_path / f"out.sqlite{companion}"
        link.symlink_to(tmp_path / target)
        check("-o", "out.sqlite", "--overwrite")
        link.unlink(missing_ok=True)
    assert (tmp_path / "there").read_bytes() == b"kept"
    assert not (tmp_path / "nowhere").exists()


def test_the_demo_does_not_follow_a_symbolic_link(tmp_path):
    (tmp_path / "there").write_bytes(b"kept")
    (tmp_path / "demo-results.jsonl").symlink_to("there")
    assert ltx("demo", "-q", cwd=tmp_path).status == 2
    assert (tmp_path / "there").read_bytes() == b"kept"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_link_that_comes_and_goes_is_never_followed(tmp_path, overwrite):
    """Somebody swaps the name for a link as fast as can be: no check before the open helps."""
    victim, name = tmp_path / "victim", tmp_path / "out.jsonl"
    victim.write_bytes(b"kept")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for change in (lambda: name.symlink_to(victim), name.unlink):
                with contextlib.suppress(OSError):
                    change()
                time.sleep(0)  # on a busy machine too, either finds the other half done

    swapping = threading.Thread(target=swap)
    swapping.start()
    tries = opened = 0
    try:
        while tries < 1500 or (not 0 < opened < tries and tries < 150_000):
            tries += 1
            with contextlib.suppress(FileError):
                if overwrite:
                    with Replacement.at(name) as new:
                        new.file.write(b"ours")
                        new.put_in_place().close()
                else:
                    file = create_private(name)
                    file.write(b"ours")
                    file.close()
                opened += 1
    finally:
        stop.set()
        swapping.join()
    assert 0 < opened < tries
    assert victim.read_bytes() == b"kept"


@pytest.mark.parametrize("options", [(), ("--overwrite",)], ids=repr)
def test_results_never_go_into_a_directory(check, tmp_path, options):
    output = tmp_path / "out.jsonl"
    output.mkdir()
    assert check("-o", output, *options).status == 2
    assert list(output.iterdir()) == []


def test_a_named_pipe_is_written_to_directly_once_somebody_reads_it(check, tmp_path):
    output = tmp_path / "out.jsonl"
    os.mkfifo(output)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(output.read_text)
        status = check("-o", output).status
        lines = reading.result(10).splitlines()
    assert status in {0, 1}
    assert lines
    assert all(json.loads(line)["outcome"] for line in lines)
    assert stat.S_ISFIFO(output.stat().st_mode)


def test_the_input_is_never_overwritten_by_the_results(check, tmp_path):
    (tmp_path / "list.csv").write_text("email\nann@example.com\n")
    os.link(tmp_path / "list.csv", tmp_path / "other.csv")
    for name in ("list.csv", "./list.csv", "other.csv"):
        ended = ltx("check", "list.csv", "-o", name, "--overwrite", cwd=tmp_path)
        assert ended.status == 2
    assert (tmp_path / "list.csv").read_text() == "email\nann@example.com\n"
