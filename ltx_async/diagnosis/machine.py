"""What `doctor` can find out on this machine alone, without the network."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING, Any, Final

from ltx_async import LTXError
from ltx_async.client import BASE_URL_VARIABLE
from ltx_async.diagnosis.finding import Finding, Verdict
from ltx_async.extras import install_command
from ltx_async.transport import DEFAULT_BASE_URL, Proxy, find_proxy, missing
from ltx_async.transport.endpoint import check_base_url, doubt_about

if TYPE_CHECKING:
    from yarl import URL

_NEEDED: Final = ("aiohttp", "attrs", "cattrs", "yarl", "multidict", "click", "rich")
_FASTER: Final = ("uvloop", "httptools", "orjson")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")
_SPARE_DESCRIPTORS: Final = 64
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)[^;]*?>=\s*([0-9.]+)")


def python_found() -> Finding:
    """Name the interpreter."""
    text = f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    return Finding("Python", Verdict.OK, text)


def packages_found() -> Iterator[Finding]:
    """Name the version of every package that matters, and say which is too old or missing."""
    yield Finding("ltx_async", Verdict.OK, version("ltx_async"))
    floors = _floors(requires("ltx_async") or ())
    for name in _NEEDED:
        yield _package(name, floors.get(name, ""))
    for name in _FASTER:
        yield _package(name, floors.get(name, ""), optional=True)


def _floors(requirements: Iterator[str] | list[str] | tuple[()]) -> dict[str, str]:
    """Return the least version of each package, as our own metadata has it."""
    found = filter(None, map(_REQUIREMENT.match, requirements))
    return {match[1].lower(): match[2] for match in found}


def _package(name: str, floor: str, *, optional: bool = False) -> Finding:
    try:
        installed = version(name)
    except PackageNotFoundError:
        verdict = Verdict.WARN if optional else Verdict.FAIL
        extra = "speed" if optional else "cli"
        text = "not installed; all works without it, but slower" if optional else "not installed"
        return Finding(name, verdict, text, f"Do: {install_command(extra)}")
    if _numbers(installed) < _numbers(floor):
        text = f"{installed} is older than {floor}"
        return Finding(name, Verdict.FAIL, text, f"Do: pip install --upgrade '{name}>={floor}'")
    return Finding(name, Verdict.OK, installed)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", text)[:3])


def loop_found(module: str) -> Finding:
    """Say which event loop runs; `module` is where its class comes from."""
    name = module.partition(".")[0]
    text = "uvloop" if name == "uvloop" else "asyncio's own; uvloop would be faster"
    return Finding("event loop", Verdict.OK, text)


def transports_found() -> Finding:
    """Say which transports work here."""
    if (reason := missing()) is None:
        return Finding("transports", Verdict.OK, "session, direct")
    return Finding(
        "transports", Verdict.WARN, f"session; no direct: {reason}", "Or stay with the session."
    )


_EXAMPLE: Final = f"The vendor's is {DEFAULT_BASE_URL}."


def base_url_found(base_url: str | None, *, allow_http: bool) -> tuple[Finding, URL | None]:
    """Say whether the base URL can be used, and return it checked."""
    from_variable = os.environ.get(BASE_URL_VARIABLE)
    try:
        url = check_base_url(base_url or from_variable or DEFAULT_BASE_URL, allow_http=allow_http)
    except LTXError as error:
        return Finding("base URL", Verdict.FAIL, error.message, error.hint), None
    source = "the vendor's"
    if base_url or from_variable:
        source = "from --base-url" if base_url else f"from {BASE_URL_VARIABLE}"
    if (doubt := doubt_about(url)) is not None:
        return Finding("base URL", Verdict.WARN, f"{doubt} ({source})", _EXAMPLE), url
    return Finding("base URL", Verdict.OK, f"{url} ({source})"), url


def proxies_found(environment: Mapping[str, str]) -> Finding:
    """Name the proxy variables, which are ignored unless asked for; they may hold passwords."""
    found = sorted(name for name in environment if name.lower() in _PROXIES and environment[name])
    if not found:
        return Finding("proxies", Verdict.OK, "none in the environment")
    hint = "If only the proxy leads out: --trust-env, or from Python LTXClient(trust_env=True)."
    return Finding("proxies", Verdict.WARN, f"ignored: {', '.join(found)}", hint)


def proxy_found(
    url: URL, given: str | None, *, trust_env: bool
) -> tuple[Finding | None, Proxy | None]:
    """Say which proxy is on the way, and return it; its credentials are never shown."""
    try:
        proxy = find_proxy(url, given, trust_env=trust_env)
    except LTXError as error:
        return Finding("proxy", Verdict.FAIL, error.message, error.hint), None
    if proxy is None:
        text = "none on the way; --trust-env found none for this host"
        return (Finding("proxy", Verdict.OK, text) if trust_env else None), None
    text = f"{proxy.url}{' with credentials' if proxy.credentials else ''}, on the way there"
    return Finding("proxy", Verdict.OK, text), proxy


def descriptors_found(concurrency: int) -> Finding:
    """Compare the limit of open files with the connections that may be open at a time."""
    try:
        resource: Any = import_module("resource")
    except ImportError:  # pragma: no cover - Windows
        return Finding("open files", Verdict.OK, "no limit known on this system")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return Finding("open files", Verdict.OK, "no limit")
    needed = concurrency + _SPARE_DESCRIPTORS
    text = f"limit {limit:,}, concurrency {concurrency:,}"
    if limit < needed:
        hint = f"Do: ulimit -n {needed}, or lower --concurrency."
        return Finding("open files", Verdict.WARN, text, hint)
    return Finding("open files", Verdict.OK, text)
