"""Build a release into `dist/`, from what is committed: `make release`. Nothing is uploaded.

It refuses a dirty tree and a version without its section in CHANGELOG.md. The source archive and
the wheel are the same to the byte whenever and wherever they are built from one commit. The wheel
is tried in an environment of its own, with the tests of the source archive. Beside both lies
`NOTES.md`, the section of CHANGELOG.md.
"""

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

PROJECT = Path(__file__).parent.parent
TRIED = (
    "tests/unit/test_retry.py",
    "tests/emulator/test_emulator_answers.py",
    "tests/results/test_formats.py",
)


def main() -> None:
    """Build, check, try, and say what there is."""
    if run("git", "status", "--porcelain", cwd=PROJECT):
        sys.exit("release: commit first, the tree is dirty")
    version = _match(r'^__version__ = "(.+)"$', PROJECT / "ltx_async" / "_version.py")
    notes = notes_of(version, (PROJECT / "CHANGELOG.md").read_text("utf-8"))
    epoch = run("git", "log", "-1", "--format=%ct", cwd=PROJECT).strip()
    dist = PROJECT / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        sdist, wheel = built(directory, int(epoch))
        check_packages(sdist, wheel)
        try_out(directory, sdist, wheel)
        for package in (sdist, wheel):
            package.replace(dist / package.name)
    (dist / "NOTES.md").write_text(notes, "utf-8")
    print(f"{version} is in {dist}: {sdist.name}, {wheel.name}, NOTES.md")  # noqa: T201


def notes_of(version: str, changelog: str) -> str:
    """Return the section of a version."""
    for section in changelog.split("\n## ")[1:]:
        if re.match(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n", section):
            return section.partition("\n")[2].strip() + "\n"
    sys.exit(f"release: CHANGELOG.md has no section [{version}] with a date")


def built(directory: Path, epoch: int) -> tuple[Path, Path]:
    """Build the source archive of the last commit, and the wheel from that archive."""
    source = directory / "source"
    run("git", "worktree", "add", "--quiet", "--detach", str(source), cwd=PROJECT)
    try:
        os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
        build = (sys.executable, "-m", "build", "--outdir", str(directory))
        run(*build, "--sdist", str(source), cwd=directory)
        (sdist,) = directory.glob("*.tar.gz")
        sdist.write_bytes(dated(sdist.read_bytes(), epoch))
        unpacked = unpack(sdist, directory / "unpacked")
        run(*build, "--wheel", str(unpacked), cwd=directory)
    finally:
        run("git", "worktree", "remove", "--force", str(source), cwd=PROJECT)
    (wheel,) = directory.glob("*.whl")
    return sdist, wheel


def dated(archive: bytes, epoch: int) -> bytes:
    """Return a source archive without what depends on when and by whom it was packed."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as before,
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            after.addfile(member, before.extractfile(member))
    return packed.getvalue()


def unpack(sdist: Path, into: Path) -> Path:
    """Return the one directory of a source archive."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (unpacked,) = into.iterdir()
    return unpacked


def check_packages(sdist: Path, wheel: Path) -> None:
    """Have an index's rules and a wheel's contents checked."""
    run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel))
    run(sys.executable, "-m", "check_wheel_contents", str(wheel))


def try_out(directory: Path, sdist: Path, wheel: Path) -> None:
    """Use the wheel as a stranger does, and run tests of the source archive on it."""
    venv.create(directory / "clean", with_pip=True)
    python = directory / "clean" / "bin" / "python"
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, str(wheel))
    run(str(python), "-m", "ltx_async", "demo", cwd=directory)
    unpacked = unpack(sdist, directory / "tried")
    (unpacked / "ltx_async").rename(unpacked / "not_this_one")
    run(*pip, "--upgrade", "pip>=25.1")
    run(*pip, "--find-links", str(wheel.parent), "--group", f"{unpacked / 'pyproject.toml'}:test")
    run(str(python), "-m", "pytest", "--quiet", *TRIED, cwd=unpacked)


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a program and return what it prints; where it fails, end with what it said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(f"release: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _match(pattern: str, file: Path) -> str:
    found = re.search(pattern, file.read_text("utf-8"), re.MULTILINE)
    return found[1] if found else sys.exit(f"release: no version in {file}")


if __name__ == "__main__":
    main()
