"""The command line as a shell would call it, in a directory of its own."""

import pytest
from attrs import frozen

from ltx_async.cli.app import run


@frozen
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """Nothing of the machine's settings."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LTX_ASYNC_LOG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ltx(capfd):
    """Call the command line in this process."""

    def call(*arguments) -> Ended:
        capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        return Ended(int(status), *capfd.readouterr())

    return call
