"""The release: from a clean tree alone, the same to the byte, with the notes of its version."""

import io
import runpy
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from patience import LONG

PROJECT = Path(__file__).parent.parent
SCRIPT = PROJECT / ".ci" / "release.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="not in the source archive")
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- a\n\n## [0.2.0] - 2026-01-02\n\n### Added\n\n- b\n"


@pytest.fixture
def release():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture
def repository(tmp_path):
    """A project with one commit."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "release.py").write_bytes(SCRIPT.read_bytes())
    (tmp_path / "ltx_async").mkdir()
    (tmp_path / "ltx_async" / "_version.py").write_text('__version__ = "0.3.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
    for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "Begin")):
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True)
    return tmp_path


def refused(repository):
    command = [sys.executable, repository / ".ci" / "release.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONG)
    assert (done.returncode, done.stdout) == (1, "")
    assert not (repository / "dist").exists()
    return done.stderr


def test_a_dirty_tree_is_refused(repository):
    (repository / "left_over").touch()
    assert refused(repository) == "release: commit first, the tree is dirty\n"


def test_a_version_without_notes_is_refused(repository):
    assert "no section [0.3.0] with a date" in refused(repository)


def test_the_notes_are_the_section_of_the_version(release):
    assert release["notes_of"]("0.2.0", CHANGELOG) == "### Added\n\n- b\n"
    for version in ("Unreleased", "0.2", "0x2.0"):
        with pytest.raises(SystemExit):
            release["notes_of"](version, CHANGELOG)


def archive(names, mtime, uid):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uid, member.uname = len(name), mtime, uid, f"u{uid}"
            tar.addfile(member, io.BytesIO(name.encode()))
    return packed.getvalue()


def test_an_archive_tells_neither_when_nor_by_whom_it_was_packed(release):
    one = release["dated"](archive(["a/b", "a/c"], 1_700_000_000, 0), 1_767_225_600)
    other = release["dated"](archive(["a/c", "a/b"], 1_800_000_000.5, 1000), 1_767_225_600)
    assert one == other
    with tarfile.open(fileobj=io.BytesIO(one)) as tar:
        assert [member.name for member in tar] == ["a/b", "a/c"]
        assert {member.mtime for member in tar} == {1_767_225_600}
        assert tar.extractfile("a/b").read() == b"a/b"
