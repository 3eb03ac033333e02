"""Where a run took place: without this, no number means anything."""

import os
import platform
import subprocess
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.server import nginx_path

PACKAGES = (
    "aiohttp", "uvloop", "httptools", "orjson", "cattrs", "httpx", "niquests", "requests",
    "urllib3", "pycurl",
)  # fmt: skip
PROGRAMS = {"nginx": "-v", "curl": "--version", "wrk": "--version"}


def environment() -> dict[str, str]:
    """Return names and versions of what took part."""
    facts = {
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "processor": _processor(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    facts |= {name: found for name in PACKAGES if (found := _package(name))}
    return facts | {name: found for name in PROGRAMS if (found := _program(name))}


def _package(name: str) -> str | None:
    if name == "urllib3":
        return _urllib3()
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _urllib3() -> str | None:
    # niquests brings urllib3-future, which takes urllib3's place unless it is told not to:
    # requests then runs on that, a third slower, which its row must not hide.
    try:
        loaded = str(import_module("urllib3").__version__)
    except ImportError:
        return None
    replaced = loaded == _package("urllib3-future")
    return f"{loaded} (urllib3-future: requests runs on it)" if replaced else loaded


def _program(name: str) -> str | None:
    path = nginx_path() if name == "nginx" else name
    if path is None:
        return None
    try:
        told = subprocess.run(
            [path, PROGRAMS[name]], capture_output=True, text=True, timeout=10, check=False
        )
    except OSError:
        return None
    words = (told.stdout + told.stderr).replace("/", " ").split()
    return next((word for word in words if word[0].isdigit()), None)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")
