"""The suite on every Python that the classifiers claim, of those that are here: `make test-all`.

`make smoke` runs a part of it, on all but the Python that the rest of CI is on.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

SETUP = Path(__file__).with_name("setup.cfg").read_text("utf-8")
PYTHONS = re.findall(r"Python :: (3\.\d+)$", SETUP, re.MULTILINE)
OTHERS = [python for python in PYTHONS if python != f"3.{sys.version_info.minor}"]
SMOKE = (
    "tests/unit/engine",
    "--ignore=tests/unit/engine/test_pace_on_servers.py",  # minutes of virtual time
    "tests/unit/transport",
    "tests/unit/test_package.py",
    "tests/unit/test_events.py",
    "tests/unit/test_sync.py",
    "tests/files",
    "tests/cli/test_messages.py",
    "tests/reliability/test_a_statuses.py",
    "tests/reliability/test_b_framing.py",
    "tests/reliability/test_c_bodies.py",
    "tests/reliability/test_d_errors.py",
    "tests/reliability/test_d_pickles.py",
    "tests/report/test_page.py",
)

if pyenv := shutil.which("pyenv"):  # its python3.12 starts one that is selected, and only then
    command = [pyenv, "versions", "--bare"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    os.environ["PYENV_VERSION"] = ":".join(reversed(listed.stdout.split()))


def _test(session: nox.Session, *arguments: str) -> None:
    session.install("--quiet", "--editable", ".[cli,speed]", "--group", "test")
    session.run("python", "-m", "pytest", "--numprocesses", "4", "--dist", "worksteal", *arguments)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the whole suite."""
    _test(session, *session.posargs)


@nox.session(python=OTHERS)
def smoke(session: nox.Session) -> None:
    """Run what would break first."""
    _test(session, "--quiet", *SMOKE, *session.posargs)
