"""How an extra is installed where this package is: a clone, pipx, uv or pip."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

_PACKAGE: Final = "ltx_async"


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this installation, as a shell takes it."""
    wanted = _requirement(extra, _origin())
    place = Path(sys.prefix).as_posix()
    if "/pipx/venvs/" in place:
        return f"pipx runpip {Path(sys.prefix).name} install {wanted}"
    if "/uv/tools/" in place:
        return f"uv tool install --force {wanted}"
    if "/uv/archive-" in place or "/uv/environments-" in place:  # what `uvx` runs from
        return f"uvx --from {wanted.removeprefix('-e ')} ltx-async"
    python = shlex.quote(sys.executable)
    if find_spec("pip") is None:  # as in the environments that uv makes
        return f"uv pip install --python {python} {wanted}"
    return f"{python} -m pip install {wanted}"


def _origin() -> dict[str, Any]:
    """Return where the package was installed from, empty for an index (PEP 610).

    In a clone there is a second record of the package, which does not say it.
    """
    # It takes as long to load as ten modules of ours, and only an error needs it.
    from importlib.metadata import distributions  # noqa: PLC0415

    texts = (one.read_text("direct_url.json") for one in distributions(name=_PACKAGE))
    told: dict[str, Any] = json.loads(next(filter(None, texts), "{}"))
    return told


def _requirement(extra: str, origin: dict[str, Any]) -> str:
    name, url = f"{_PACKAGE}[{extra}]", origin.get("url", "")
    if "dir_info" in origin:
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return editable + shlex.quote(f"{url2pathname(urlsplit(url).path)}[{extra}]")
    if "vcs_info" in origin:
        return shlex.quote(f"{name} @ {origin['vcs_info']['vcs']}+{url}")
    return shlex.quote(f"{name} @ {url}" if url else name)
