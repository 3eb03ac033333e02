"""What every test starts from."""

import logging
import signal

import pytest


def pytest_configure():
    """Let SIGHUP end the processes of the tests also where it is ignored, as under nohup."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def log_level():
    """The command line sets the level of the logger for its process, which here goes on."""
    logger = logging.getLogger("ltx_async")
    level = logger.level
    yield
    logger.setLevel(level)
