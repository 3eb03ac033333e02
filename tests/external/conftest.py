"""Other people's programs and test data, where they are installed or can be had."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
from command_line import launch

from ltx_async.emulator import Emulator

from .containers import Container
from .front import AnyEmail, Front

__all__ = ["launch"]

_PATIENCE = 45


@pytest.fixture(scope="session")
def email_validator(tmp_path_factory, worker_id) -> Path:
    """The directory of the tests in email-validator's source distribution, fetched by pip.

    The first worker that needs it fetches it for all of them.
    """
    run = tmp_path_factory.getbasetemp()
    directory = (run if worker_id == "master" else run.parent) / "email-validator"
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(directory.glob("*/tests")):
            _fetch(directory)
    return next(directory.glob("*/tests"))


def _fetch(directory: Path) -> None:
    options = ("--no-binary", ":all:", "--no-deps", "--quiet", "--disable-pip-version-check")
    arguments = ("download", *options, "--dest", str(directory), "email-validator")
    environment = dict(os.environ)
    if environment.get("SSL_CERT_FILE") == os.devnull:  # pip does need the public authorities
        del environment["SSL_CERT_FILE"]
    try:
        subprocess.run(
            [sys.executable, "-m", "pip", *arguments],
            check=True,
            capture_output=True,
            env=environment,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"pip cannot fetch the source of email-validator: {type(error).__name__}")
    with tarfile.open(next(directory.glob("*.tar.gz"))) as archive:
        archive.extractall(directory, filter="data")


@pytest.fixture(scope="session")
def nginx() -> str:
    """The path of nginx."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin")
    if found is None:
        pytest.skip("nginx is not installed")
    return found


@pytest.fixture(params=["session", "direct"])
def transport(request) -> str:
    return request.param


@pytest.fixture
async def front(nginx, tmp_path):
    """An nginx before an emulator that knows every email; the test starts it."""
    async with Emulator(AnyEmail(), history=10_000) as emulator:
        front = Front(nginx, tmp_path, emulator)
        try:
            yield front
        finally:
            front.stop()


@pytest.fixture
def container():
    """A container to run programs in, where the user nobody can get at it."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        data, place = directory / "data", directory / "place"
        for one in (data, place):
            one.mkdir()
            one.chmod(0o777)  # it is not for its mode that it cannot be written to
        container = Container(data, place, {})
        if problem := container.problem():
            pytest.skip(problem)
        yield container
