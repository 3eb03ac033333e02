"""What every test starts from."""

import logging
import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings


def pytest_configure():
    """Let signals end the processes of the tests also where they are ignored.

    SIGHUP is under nohup, and SIGINT in what a script runs in the background.

    And have nobody read the public authorities of the system, which takes a fifth of the start
    of each process: no test needs them.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("SSL_CERT_FILE", os.devnull)
    # An example takes as long as the machine lets it: what must be fast has a test of its own.
    slow = [HealthCheck.too_slow, HealthCheck.differing_executors]
    settings.register_profile("busy", deadline=None, suppress_health_check=slow)
    settings.load_profile("busy")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Let no tracer look at a test that is marked so (pytest-cov's own mark fails under xdist)."""
    tracer = sys.gettrace()
    if item.get_closest_marker("untraced") is not None:
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.fixture(autouse=True)
def log_level():
    """The command line sets the level of the logger for its process, which here goes on."""
    logger = logging.getLogger("ltx_async")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def signals():
    """Give back what the command line has made of the signals of its process, as Ctrl-C."""
    numbers = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    before = {number: signal.getsignal(number) for number in numbers if number is not None}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
