"""What every test starts from."""

import signal


def pytest_configure():
    """Let SIGHUP end the processes of the tests also where it is ignored, as under nohup."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
