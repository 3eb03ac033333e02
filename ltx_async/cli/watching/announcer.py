"""Print changes: a line each on standard output, but alerts on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define, frozen

from ltx_async.cli.terminal.encoding import columns
from ltx_async.cli.terminal.messages import Talk
from ltx_async.monitor.changes import Change, Kind
from ltx_async.results.output import Writer
from ltx_async.results.stream import standard_output
from ltx_async.wording import wrapped

_STYLES: Final = {Kind.RECOVERED: "green", Kind.OUTAGE_OVER: "green", Kind.OUTAGE: "bold red"}


@frozen
class _Lines:
    """The encoding of changes as lines, which the writers of results take to standard output."""

    encode: Callable[[Change], bytes]
    header: bytes = b""


def change_writer(*, as_json: bool) -> Writer[Change]:
    """Return a writer of changes to standard output that never blocks the loop.

    Raises:
        OutputRefusedError: standard output is closed.
    """
    return standard_output(_Lines(_json_line if as_json else _text_line))


def _json_line(change: Change) -> bytes:
    return json.dumps(change.as_json()).encode() + b"\n"


def _text_line(change: Change) -> bytes:
    """Return the line of one change, broken between words where a terminal is too narrow."""
    return "\n".join(wrapped(change.line, columns(1))).encode() + b"\n"


@define(eq=False)
class Announcer:
    """Prints the changes of each round.

    Attributes:
        talk: prints alerts on standard error.
        writer: takes the changes that are not alerts, and with `as_json` all of them.
        as_json: whether the changes are written as JSON for a program.
    """

    talk: Talk
    writer: Writer[Change]
    as_json: bool = False

    async def announce(self, changes: Iterable[Change]) -> list[dict[str, Any]]:
        """Print changes, and return those that are alerts, as JSON values.

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
