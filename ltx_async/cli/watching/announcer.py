"""Tell of changes: a line each on standard output, alerts on standard error and to a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, frozen

from ltx_async.cli.terminal.encoding import columns
from ltx_async.cli.terminal.messages import Talk, is_terminal
from ltx_async.cli.watching.alert_command import AlertCommand
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
    return change.as_json().encode() + b"\n"


def _text_line(change: Change) -> bytes:
    """Return one line, which a terminal too narrow for it shows broken between words."""
    return "\n".join(wrapped(change.line, columns(1))).encode() + b"\n"


@define(eq=False)
class Announcer:
    """Tells of changes, each once.

    Attributes:
        talk: where alerts are said.
        writer: where every change is written.
        command: what alerts are handed to; None for nothing.
        as_json: whether the changes are data for a program.
    """

    talk: Talk
    writer: Writer[Change]
    command: AlertCommand | None = None
    as_json: bool = False

    async def announce(self, changes: Iterable[Change]) -> None:
        """Write changes, and raise those that are alerts.

        Raises:
            BrokenPipeError: nobody reads the changes any more.
            OutputFailedError: they cannot be written.
        """
        for change in changes:
            if change.is_alert:
                self._raise_alert(change)
            if not (change.is_alert and self._shown_twice):
                await self.writer.write(change)

    @property
    def _shown_twice(self) -> bool:
        """Whether a person would read an alert on both streams."""
        return not self.as_json and self.talk.console is not None and is_terminal(1)

    def _raise_alert(self, change: Change) -> None:
        self.talk.line(f"alert: {change.line}", _STYLES.get(change.kind, "yellow"))
        if self.command is not None:
            self.command.hand_over(change.as_json())

    async def finish(self, patience: float | None = None) -> None:
        """Send what is left, and wait up to `patience` seconds for the programs."""
        try:
            await self.writer.close()
        finally:
            if self.command is not None:
                await self.command.finish(patience)
