"""systemd takes the units of the operators' kit."""

import shutil
import subprocess

import pytest
from kit import EXAMPLES, INSTALLED, SCRIPTS

UNITS = sorted(path.name for path in (EXAMPLES / "systemd").iterdir())


def verify(directory, units):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(
        [program, "verify", "--man=no", *(str(directory / name) for name in units)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def units(tmp_path):
    """The units, with the program that is here; what they need of the system stays."""
    for name in UNITS:
        text = (EXAMPLES / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace(INSTALLED, f"{SCRIPTS}/"))
    return tmp_path


def test_the_units_are_without_fault(units):
    assert UNITS == ["ltx-async-daily.service", "ltx-async-daily.timer", "ltx-async-watch.service"]
    done = verify(units, UNITS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("SuccessExitStatus=143", "SuccessExitStatus=terminated"),
        ("DynamicUser=yes", "DynamicUsers=yes"),
        (f"{SCRIPTS}/ltx-async", "/opt/nowhere/ltx-async"),
    ],
)
def test_a_fault_in_a_unit_would_be_seen(units, right, wrong):
    file = units / "ltx-async-watch.service"
    file.write_text(file.read_text().replace(right, wrong))
    assert verify(units, ["ltx-async-watch.service"]).stderr
