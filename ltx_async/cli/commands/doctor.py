"""`ltx-async doctor`: what keeps lookups from working here, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import click
from attrs import asdict
from yarl import URL

from ltx_async import LTXError
from ltx_async.cli.exits import ExitStatus
from ltx_async.cli.runtime import Interrupt, in_event_loop, unless_interrupted
from ltx_async.cli.settings import ClientOptions, find_token
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.client import TOKEN_VARIABLE
from ltx_async.diagnosis import machine as checks
from ltx_async.diagnosis import network as probes
from ltx_async.diagnosis.answer import request
from ltx_async.diagnosis.finding import Finding, Verdict
from ltx_async.diagnosis.subscription import subscription
from ltx_async.transport import Endpoint, Wiring
from ltx_async.transport.endpoint import check_token
from ltx_async.wording import inert, wrapped

_STYLES: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}
_NAME_WIDTH: Final = 10
_INDENT: Final = 6
_NARROW: Final = 60


@in_event_loop
async def doctor(talk: Talk, interrupt: Interrupt, *, as_json: bool, **client: Any) -> int:
    """Run `ltx-async doctor`."""
    show = _show_json if as_json else _printer()
    return await unless_interrupted(interrupt, _doctor(ClientOptions(**client), talk, show))


async def _doctor(options: ClientOptions, talk: Talk, show: Callable[[Finding], None]) -> int:
    failed = False
    async for finding in _findings(options, talk):
        show(finding)
        failed = failed or finding.verdict is Verdict.FAIL
    return ExitStatus.ATTENTION if failed else ExitStatus.OK


async def _findings(options: ClientOptions, talk: Talk) -> AsyncIterator[Finding]:
    yield checks.python_found()
    for finding in checks.packages_found():
        yield finding
    yield checks.loop_found(type(asyncio.get_running_loop()).__module__)
    yield checks.transports_found()
    yield checks.descriptors_found(options.concurrency)
    if not options.trust_env and options.proxy is None:
        yield checks.proxies_found(os.environ)
    about_token, token = await token_found(options.token_file, talk)
    yield about_token
    about_url, url = checks.base_url_found(options.base_url, allow_http=options.allow_http)
    yield about_url
    if url is None:
        return
    about_proxy, proxy = checks.proxy_found(url, options.proxy, trust_env=options.trust_env)
    wiring = Wiring(limit=1, ssl=options.trust(), proxy=proxy)
    reachable = True
    async for finding in _way_there(url, wiring, about_proxy):
        yield finding
        reachable = finding.verdict is not Verdict.FAIL
    if reachable and token is not None:
        agent = options.user_agent
        endpoint = Endpoint.checked(str(url), token, allow_http=True, user_agent=agent)
        async for finding in request(
            endpoint,
            wiring,
            kind=options.transport,
            timeout=options.timeout,
            token_from=_source(options.token_file),
        ):
            yield finding
        about_owner = await subscription(
            endpoint, wiring, kind=options.transport, timeout=options.timeout
        )
        if about_owner is not None:
            yield about_owner


async def _way_there(
    url: URL, wiring: Wiring, about_proxy: Finding | None
) -> AsyncIterator[Finding]:
    """Check the way to the server; behind a proxy, only name the proxy."""
    if about_proxy is not None:
        yield about_proxy
        if wiring.proxy is not None or about_proxy.verdict is Verdict.FAIL:
            return
    async for finding in probes.way_there(url, wiring.ssl):
        yield finding


def _show_json(finding: Finding) -> None:
    click.echo(json.dumps(asdict(finding)))


def _printer() -> Callable[[Finding], None]:
    """Return what prints findings: as wide as the terminal is, or one line each elsewhere."""
    if not is_terminal(1):
        return lambda finding: click.echo("\n".join(_lines(finding, None)))
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, markup=False, emoji=False)

    def show(finding: Finding) -> None:
        text = Text("\n".join(_lines(finding, console.width)))
        text.stylize(_STYLES[finding.verdict], 0, len(finding.verdict))
        console.print(text, soft_wrap=True)

    return show


def _lines(finding: Finding, width: int | None) -> list[str]:
    """Return a finding as lines of at most `width` characters; None for no limit."""
    narrow = width is not None and width < _NARROW
    name = f"{finding.check}:" if narrow else f"{finding.check:<{_NAME_WIDTH}}"
    text = f"{finding.verdict:<{_INDENT}}{name} {inert(finding.text)}"
    lines = wrapped(text, width, indent=_INDENT)
    if finding.hint:
        hint = f"{'':{_INDENT}}→ {inert(finding.hint)}"
        lines += wrapped(hint, width, indent=_INDENT + 2)
    return lines


async def token_found(token_file: str | None, talk: Talk) -> tuple[Finding, str | None]:
    """Say whether there is a token that can be sent, and return it; it is never shown."""
    source = _source(token_file)
    try:
        token = check_token(await find_token(token_file, talk))
    except LTXError as error:
        return Finding("token", Verdict.FAIL, error.message.rstrip("."), error.hint), None
    if _TOKEN_FORM.fullmatch(token) is None:
        text = f"there, from {source}, but not of the form user:<number>-<string>"
        hint = "Copy all of it from useapi.net, `user:` included."
        return Finding("token", Verdict.WARN, text, hint), token
    return Finding("token", Verdict.OK, f"there, from {source}, well-formed"), token


def _source(token_file: str | None) -> str:
    return TOKEN_VARIABLE if token_file is None else "--token-file"


_TOKEN_FORM: Final = re.compile(r"user:[0-9]+-[^\s]+", re.ASCII)
