"""Promise 32: a million emails in flat memory and few descriptors; who writes slowly slows all."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from patience import LONG

from .interrupted import FORMATS, Checks, emails, emulated

PROGRAMS = Path(__file__).parent / "programs"
TOKEN = "user:12345-abcdefghi"
MIB = 1 << 20
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.fixture(scope="module")
def service():
    """A server of its own process that knows every email; returns the base URL."""
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    command = [sys.executable, PROGRAMS / "taking.py", loop]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.terminate()


class Watch:
    """Looks at a process every now and then, until it ends."""

    def __init__(self, process) -> None:
        self._directory = Path(f"/proc/{process.pid}")
        self._process = process
        self.descriptors, self.peak = [], 0
        self._thread = threading.Thread(target=self._look_on)
        self._thread.start()

    def _look_on(self):
        while self._process.poll() is None:
            try:
                status = (self._directory / "status").read_text()
                peak = int(status.partition("VmHWM:")[2].split()[0]) << 10
                self.descriptors.append(sum(1 for _ in (self._directory / "fd").iterdir()))
            except (OSError, IndexError):
                continue  # it is ending just now
            self.peak = max(self.peak, peak)
            time.sleep(0.05)

    def join(self):
        self._thread.join()


def check(service, directory, output, *options):
    """Run a check of `emails.txt`; return its status, its summary and what was seen of it."""
    environment = {**os.environ, "USEAPI_API": service, "USEAPI_TOKEN": TOKEN}
    command = [sys.executable, "-m", "ltx_async", "check", "emails.txt", "-o", output, "-q"]
    saved = directory / "summary.json"
    process = subprocess.Popen(
        [*command, "--summary-json", saved, "--concurrency", "50", *options],
        cwd=directory,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    watch = Watch(process)
    process.wait()
    watch.join()
    return process.returncode, json.loads(saved.read_bytes()), watch


def write_emails(directory, count):
    with (directory / "emails.txt").open("w") as file:
        file.writelines(f"user{number:07d}@example.com\n" for number in range(count))


def assert_flat(descriptors):
    """No more descriptors in the second half than in the first, but for a few that come and go."""
    half = len(descriptors) // 2
    assert max(descriptors[half:]) <= max(descriptors[:half]) + 3
    assert max(descriptors) <= 50 + 30


@linux
@pytest.mark.parametrize("form", FORMATS)
def test_descriptors_stay_flat_and_memory_low(service, tmp_path, form):
    write_emails(tmp_path, 3_000)
    status, summary, watch = check(service, tmp_path, f"out.{form}")
    assert (status, summary["ok"]) == (0, 3_000)
    assert watch.peak <= 100 * MIB
    assert max(watch.descriptors) <= 50 + 30


@linux
@pytest.mark.soak
@pytest.mark.parametrize(
    ("form", "count"), [("jsonl", 1_000_000), ("sqlite", 1_000_000), ("csv", 200_000)]
)
def test_a_million_emails_and_their_resumption_stay_below_300_mib(service, tmp_path, form, count):
    write_emails(tmp_path, count)
    status, summary, watch = check(service, tmp_path, f"out.{form}")
    assert (status, summary["ok"]) == (0, count)
    assert watch.peak <= 300 * MIB
    assert_flat(watch.descriptors)
    again = ("--resume", "--min-balance", "1000")
    status, summary, watch = check(service, tmp_path, f"out.{form}", *again)
    assert (status, summary["already_done"], summary["requests"]) == (1, count, 0)
    assert summary["alerts"] == count
    assert watch.peak <= 300 * MIB


def test_a_slow_writer_slows_the_producer(tmp_path):
    """Nobody reads the pipe: it takes 64 KiB, some 250 records, and no email more is asked for."""
    with emulated() as emulator:
        checks = Checks(tmp_path / "run", emulator, emails(900))
        process = checks.start("-", stdout=subprocess.PIPE)
        seen = 0
        while not seen or emulator.request_count > seen:
            seen = emulator.request_count
            time.sleep(0.4)
        assert 0 < seen < 600
        out, _ = process.communicate(timeout=LONG)
        assert process.returncode == 1
        assert out.count(b"\n") > 900
        assert emulator.request_count > 900
