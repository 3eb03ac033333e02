"""Tell of changes: a line each on standard output, alerts on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, frozen

from ltx_async.cli.terminal.encoding import columns
from ltx_async.cli.terminal.messages import Talk
from ltx_async.monitor.changes import Change, Kind
from ltx_async.results.stream import standard_output
from ltx_async.results.text_file import Writer
from ltx_async.wording import wrapped

_STYLES: Final = {Kind.RECOVERED: "green", Kind.OUTAGE_OVER: "green", Kind.OUTAGE: "bold red"}


@frozen
class _Lines:
    """A line for each change: the writers care for bytes, pipes and full disks."""

    encode: Callable[[Change], bytes]
    header: bytes = b""


def change_writer(*, as_json: bool) -> Writer[Change]:
    """Return what writes changes on standard output, never blocking the loop.

    Raises:
        OutputRefusedError: standard output is closed.
    """
    return standard_output(_Lines(_json_line if as_json else _text_line))


def _json_line(change: Change) -> bytes:
    return json.dumps(change.as_json()).encode() + b"\n"


def _text_line(change: Change) -> bytes:
    """Return one line, which a terminal too narrow for it shows broken between words."""
    return "\n".join(wrapped(change.line, columns(1))).encode() + b"\n"


@define(eq=False)
class Announcer:
    """Tells of changes, each once.

    Attributes:
        talk: where alerts are said.
        writer: where every change is written.
        as_json: whether the changes are data for a program, the alerts among them.
    """

    talk: Talk
    writer: Writer[Change]
    as_json: bool = False

    async def announce(self, changes: Iterable[Change]) -> list[dict[str, Any]]:
        """Tell of changes, and return those that are alerts, as JSON values.

        Raises:
            BrokenPipeError: nobody reads the changes any more.
            OutputFailedError: they cannot be written.
        """
        alerts = []
        for change in changes:
            if change.is_alert:
                self.talk.line(f"alert: {change.line}", _STYLES.get(change.kind, "yellow"))
                alerts.append(change.as_json())
            if self.as_json or not change.is_alert:
                await self.writer.write(change)
        return alerts

    async def finish(self) -> None:
        """Write what is left."""
        await self.writer.close()
