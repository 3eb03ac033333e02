"""Chromium without a window, over its DevTools protocol: one page, watched from its start."""

import asyncio
import base64
import shutil
import subprocess
import time
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
from attrs import define, field

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def executable() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


@define(eq=False)
class Page:
    """A page of the browser.

    Attributes:
        complaints: console messages that are errors or warnings, exceptions, log entries
            (a broken Content-Security-Policy is one).
        requests: URLs that were asked for, `data:` left out.
    """

    _socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(factory=list)
    requests: list[str] = field(factory=list)
    _numbers: count = field(factory=count)
    _replies: dict[int, asyncio.Future] = field(factory=dict)
    _loaded: asyncio.Event = field(factory=asyncio.Event)

    async def listen(self) -> None:
        async for message in self._socket:
            data = message.json()
            if "id" in data:
                self._replies.pop(data["id"]).set_result(data)
            else:
                self._notice(data["method"], data["params"])

    def _notice(self, method: str, details: dict) -> None:
        match method:
            case "Runtime.consoleAPICalled" if details["type"] in {"error", "warning", "assert"}:
                self.complaints.append(str(details["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(details["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(details["entry"]["text"])
            case "Network.requestWillBeSent" if not details["request"]["url"].startswith("data:"):
                self.requests.append(details["request"]["url"])
            case "Page.loadEventFired":
                self._loaded.set()

    async def do(self, method: str, **parameters) -> dict:
        number = next(self._numbers)
        self._replies[number] = asyncio.get_running_loop().create_future()
        reply = self._replies[number]
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        data = await asyncio.wait_for(reply, 30)
        assert "error" not in data, data
        return data["result"]

    async def run(self, script: str):
        """Return the JSON value of an expression, promises awaited."""
        reply = await self.do(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    async def look(self, *, width=1280, height=900, scheme="light") -> None:
        """Choose the size of the window and the colour scheme."""
        await self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.do("Emulation.setEmulatedMedia", features=features)

    async def open(self, file: Path) -> None:
        self._loaded.clear()
        await self.do("Page.navigate", url=file.absolute().as_uri())
        await asyncio.wait_for(self._loaded.wait(), 30)

    async def settles(self, expression: str, wanted: object) -> None:
        """Wait until the page has drawn what it was told; a busy machine draws late."""
        last, patience = None, time.monotonic() + 10
        while time.monotonic() < patience:
            last = await self.run(expression)
            if last == wanted:
                return
            await asyncio.sleep(0.05)
        assert last == wanted

    async def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            await self.do("Input.dispatchKeyEvent", type=kind, key=key, code=key, **text)

    async def screenshot(self, file: Path) -> None:
        shot = await self.do("Page.captureScreenshot")
        file.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def browser_page(profile: Path):
    """Start the browser with a new profile in `profile`, and end it with all that it started."""
    process = subprocess.Popen(
        [executable(), *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = await _debugging_port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                pages = [each for each in await reply.json() if each["type"] == "page"]
            async with session.ws_connect(
                pages[0]["webSocketDebuggerUrl"], max_msg_size=1 << 27
            ) as socket:
                page = Page(socket)
                listener = asyncio.create_task(page.listen())
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await page.do(f"{domain}.enable")
                yield page
                await page.do("Browser.close")
                listener.cancel()
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _debugging_port(file: Path) -> int:
    async with asyncio.timeout(30):
        while not (file.exists() and (lines := file.read_text().split())):
            await asyncio.sleep(0.05)
    return int(lines[0])
