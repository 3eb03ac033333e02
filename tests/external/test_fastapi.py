"""examples/fastapi_app.py under uvicorn, with visitors who go away and an end by SIGTERM."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from threading import Thread

import aiohttp
import pytest
from patience import LONG, reached

from ltx_async.emulator import Emulator, GeneratedAccounts

from .recipes import PROJECT

pytest.importorskip("fastapi", reason="fastapi is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")
EMAILS = [f"user{number:06}@example.com" for number in range(1, 1_001)]
MANY = [*EMAILS] * 10
ANN = EMAILS[0]


@pytest.fixture
async def emulator():
    async with Emulator(GeneratedAccounts(1_000, unhealthy=0)) as emulator:
        yield emulator


class Service:
    """The service in a process of its own, and all that it says."""

    def __init__(self, emulator):
        environment = {"USEAPI_API": emulator.base_url, "USEAPI_TOKEN": emulator.token}
        command = ["uvicorn", "fastapi_app:app", "--port", "0", "--timeout-graceful-shutdown", "1"]
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-m", *command],
            cwd=PROJECT / "examples",
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        self.reader = Thread(target=lambda: self.lines.extend(iter(self._line, "")))
        self.reader.start()

    def _line(self):
        return self.process.stderr.readline()

    async def url(self):
        found = await reached(lambda: re.search(r"running on (http://[\d.:]+)", self.said))
        return found[1]

    @property
    def said(self):
        return "".join(self.lines)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(LONG)
        self.reader.join(LONG)
        return status

    def stop(self):
        self.process.kill()
        self.process.wait(LONG)
        self.reader.join(LONG)
        self.process.stderr.close()
        self.process.stdout.close()


@pytest.fixture
async def service(emulator):
    service = Service(emulator)
    yield service
    service.stop()


@pytest.fixture
async def browser(service):
    async with aiohttp.ClientSession(await service.url()) as browser:
        yield browser


async def test_all_visitors_share_one_client(emulator, browser):
    emulator.put({"email": ANN, "balance": {"LTXStudio_token": 150}})
    emulator.script("bob@example.com", 400)
    emulator.latency = 0.02

    async def ask(email):
        async with browser.get(f"/balance/{email}") as reply:
            return reply.status, await reply.json()

    assert await ask(ANN) == (200, {"balance": 150, "needs_reauth": False})
    assert await ask("nobody@example.com") == (404, {"detail": "no such account"})
    status, said = await ask("bob@example.com")
    assert (status, set(said["detail"])) == (502, {"error", "hint"})
    replies = await asyncio.gather(*(ask(email) for email in EMAILS[1:101]))
    assert {status for status, _ in replies} == {200}
    assert emulator.peak_in_flight <= 10
    assert emulator.peak_connections <= 10


async def test_a_list_is_answered_line_by_line(emulator, browser):
    async with browser.post("/check", json=[*EMAILS[:50], "no address"]) as reply:
        records = [json.loads(line) async for line in reply.content]
    assert {record["email"] for record in records} == {*EMAILS[:50], "no address"}
    assert [record["outcome"] for record in records].count("ok") == 50
    emulator.script(ANN, 401)
    async with browser.post("/check", json=[ANN]) as reply:
        (told,) = [json.loads(line) async for line in reply.content]
    assert told["error"].startswith("HTTP 401")


async def test_who_goes_away_stops_his_run_and_nobody_elses(emulator, browser, service):
    emulator.latency = 0.01
    async with browser.post("/check", json=MANY) as reply:
        await reply.content.readline()
        reply.close()
    others = 0
    async with asyncio.timeout(LONG):
        while emulator.request_count != others + 5:  # until five of others are all there is
            others = emulator.request_count
            for _ in range(5):
                async with browser.get(f"/balance/{ANN}") as reply:
                    assert reply.status == 200
    assert emulator.request_count < len(MANY) / 2
    service.end()
    assert "Traceback" not in service.said, service.said


async def test_sigterm_ends_it_with_runs_under_way(emulator, browser, service):
    emulator.latency = 0.01
    async with browser.post("/check", json=MANY) as reply:
        await reply.content.readline()
        status = await asyncio.to_thread(service.end)
    assert status in {0, -signal.SIGTERM}
    assert "Application shutdown complete" in service.said
    assert "ltx_async" not in service.said, service.said  # no warning of a client left open
    await reached(lambda: emulator.open_connections == 0)
