"""Promise 31 where the file system has no locks: a file with the name of who writes."""

import errno
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve

from ltx_async.files.claim import claim
from ltx_async.files.errors import OutputFailedError, OutputRefusedError
from ltx_async.files.holder import Holder

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
IN_USE = r"^out\.csv: another ltx-async is writing to it\."


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.csv-locked"


@pytest.fixture
def ended():
    """A process of this machine that was killed."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = evolve(Holder.here(), pid=process.pid)
    process.kill()
    process.communicate()
    return holder


def test_one_process_has_it_until_it_gives_it_up(path):
    first = claim(path, "out.csv")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OutputRefusedError, match=IN_USE):
        claim(path, "out.csv")
    first.release()
    assert not path.exists()
    claim(path, "out.csv").release()


def test_what_a_killed_process_left_is_taken_over(path, ended):
    path.write_bytes(ended.dump())
    taken = claim(path, "out.csv")
    assert Holder.parse(path.read_bytes()) == Holder.here()
    taken.release()
    assert list(path.parent.iterdir()) == []


@needs_proc
def test_a_process_that_was_killed_has_ended_before_its_parent_looks(path):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    path.write_bytes(evolve(Holder.here(), pid=process.pid, began=_began(process.pid)).dump())
    with pytest.raises(OutputRefusedError, match=IN_USE):
        claim(path, "out.csv")
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    claim(path, "out.csv").release()
    process.communicate()


def _began(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@needs_proc
def test_a_number_that_another_process_has_by_now_is_no_sign_of_life(path):
    here = Holder.here()
    path.write_bytes(evolve(here, began=here.began - 1).dump())
    claim(path, "out.csv").release()


def test_a_machine_that_was_started_again_has_ended_everything(path):
    here = evolve(Holder.here(), machine="a")
    path.write_bytes(evolve(here, boot="before").dump())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Holder, "here", lambda: here)
        claim(path, "out.csv").release()


@pytest.mark.parametrize("began", [None, 7])
def test_where_only_the_number_is_known_that_decides(path, ended, began, monkeypatch):
    here = evolve(Holder.here(), machine="a", boot="", namespace="", began=began)
    monkeypatch.setattr(Holder, "here", lambda: here)
    monkeypatch.setattr("ltx_async.files.holder._status", lambda _pid: None)
    path.write_bytes(here.dump())
    with pytest.raises(OutputRefusedError, match=IN_USE):
        claim(path, "out.csv")
    path.write_bytes(evolve(here, pid=ended.pid).dump())
    claim(path, "out.csv").release()


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"host": "vm7", "machine": "other", "boot": "other"},
        {"host": "vm7", "machine": "", "boot": "other"},
        {"host": "vm7", "machine": "other", "boot": ""},
        {"host": "vm7", "namespace": "of a container"},
    ],
)
def test_of_a_process_elsewhere_it_is_told_what_to_do(path, ended, elsewhere):
    content = evolve(ended, **elsewhere).dump()
    path.write_bytes(content)
    with pytest.raises(OutputRefusedError) as refused:
        claim(path, "out.csv")
    assert refused.value.message == (
        f"out.csv: another ltx-async is writing to it, or was killed: process {ended.pid} on vm7."
    )
    assert refused.value.hint == f"If it has ended, remove {path}, then run again."
    assert path.read_bytes() == content


def test_what_a_file_says_of_a_machine_is_shown_inert_and_in_brief(path, ended):
    path.write_bytes(
        evolve(ended, host="\x1b[2J\u202e\n" + "x" * 999, machine="other", boot="").dump()
    )
    with pytest.raises(OutputRefusedError) as refused:
        claim(path, "out.csv")
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 200


JUNK = [b"", b"\0" * 80, b"[]", b"7", b"{", b"\xff", b'{"pid": 1}', b"x" * 5000, b"[" * 5000]
FIELDS = {"pid": [0, -1, 2**31, "1", None], "began": ["1", [], 0.5], "host": [None, 7]}


@pytest.mark.parametrize("content", JUNK)
def test_what_says_nothing_is_left_and_named(path, content):
    path.write_bytes(content)
    with pytest.raises(OutputRefusedError, match="nobody knows which") as refused:
        claim(path, "out.csv")
    assert str(path) in refused.value.hint
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in FIELDS.items() for value in values]
)
def test_no_field_holds_what_it_cannot_hold(name, value):
    here = Holder.here()
    fields = {one: getattr(here, one) for one in ("host", "machine", "boot", "namespace", "pid")}
    with pytest.raises((ValueError, TypeError)):
        Holder(**{"began": here.began, **fields, name: value})


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), os.mkfifo, lambda path: _link(path)])
def test_what_is_no_file_is_neither_followed_nor_removed(path, make):
    make(path)
    with pytest.raises(OutputRefusedError, match="nobody knows which"):
        claim(path, "out.csv")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def _link(path):
    path.symlink_to(path.with_name("target"))


def test_of_many_that_find_it_left_behind_one_takes_it_over(path, ended):
    """Whenever they look; a process that was killed while it took it over is in nobody's way."""
    turn, results = path.with_name(f"{path.name}~"), Counter()

    def compete():
        barrier.wait()
        try:
            taken.append(claim(path, "out.csv"))
        except OutputRefusedError:
            results["refused"] += 1

    for round_ in range(50):
        taken = []
        path.write_bytes(ended.dump())
        if round_ % 2:
            turn.write_bytes(ended.dump())
        barrier = threading.Barrier(4)
        threads = [threading.Thread(target=compete) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 1
        taken[0].release()
        assert list(path.parent.iterdir()) == []
    assert results["refused"] == 150


def test_who_finds_it_left_behind_looks_again_before_it_is_removed(path, ended, monkeypatch):
    """The first has taken it over between two looks of the second."""
    looked = []

    @property
    def has_ended(holder):
        looked.append(holder.pid)
        if len(looked) == 1:
            path.write_bytes(Holder.here().dump())
            return True
        return holder.pid == ended.pid

    path.write_bytes(ended.dump())
    monkeypatch.setattr(Holder, "has_ended", has_ended)
    with pytest.raises(OutputRefusedError, match=IN_USE):
        claim(path, "out.csv")
    assert looked == [ended.pid, os.getpid()]
    assert Holder.parse(path.read_bytes()) == Holder.here()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_who_gives_it_up_removes_no_other_one_s(path):
    taken = claim(path, "out.csv")
    other = evolve(Holder.here(), pid=1).dump()
    path.write_bytes(other)
    taken.release()
    assert path.read_bytes() == other


@pytest.mark.parametrize("call", ["write", "close"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_where_it_cannot_be_written_it_is_not_there(path, monkeypatch, call, number):
    real = os.close

    def fail(descriptor, *_data):
        if call == "close":
            real(descriptor)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(OutputFailedError, match=r"out\.csv-locked"):
            claim(path, "out.csv")
    assert not path.exists()


def test_where_it_cannot_be_made_that_is_told(path):
    with pytest.raises(OutputRefusedError, match="No such file or directory"):
        claim(path.parent / "nowhere" / "out", "out")
