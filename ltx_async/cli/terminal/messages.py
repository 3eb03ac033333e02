"""What is said to people: lines on standard error, inert, in colour where that is wanted."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Self

from attrs import define, field

from ltx_async.errors import ConfigurationError
from ltx_async.wording import inert, wrapped

if TYPE_CHECKING:
    from rich.console import Console

LOG_VARIABLE: Final = "LTX_ASYNC_LOG"
_FOR_PROGRAMS: Final = "ltx_async.doubts"
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _console() -> Console | None:
    stream = sys.stderr
    try:
        if not is_terminal(stream.fileno()):
            return None
    except (AttributeError, OSError, ValueError):  # closed, or not a file
        return None
    from rich.console import Console  # noqa: PLC0415

    return Console(file=stream, highlight=False, markup=False, emoji=False)


@define(eq=False)
class Talk:
    """Lines for people, on standard error; a line that cannot be written there is dropped.

    Attributes:
        quiet: leave out whatever is no warning, alert or error.
        console: rich's console on a terminal, None elsewhere.
    """

    quiet: bool = False
    console: Console | None = field(factory=_console)

    def line(self, text: str, style: str = "") -> None:
        """Print one line, even when quiet; control characters in it become escapes.

        On a terminal it goes over several where it is longer, broken between words.
        """
        with contextlib.suppress(OSError, ValueError):  # closed, or its reader has gone
            if self.console is not None:
                self._styled(inert(text), style)
            elif sys.stderr is not None:  # else `print` would turn to standard output
                print(inert(text), file=sys.stderr, flush=True)  # noqa: T201

    def say(self, text: str = "", style: str = "") -> None:
        """Print one line unless quiet."""
        if not self.quiet:
            self.line(text, style)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.line(f"warning: {text}", "yellow")

    def fail(self, text: str) -> None:
        """Print why the command ends."""
        self.line(f"error: {text}", "bold red")

    def _styled(self, text: str, style: str) -> None:
        from rich.text import Text  # noqa: PLC0415 - not loaded where there is no terminal

        assert self.console is not None
        lines = wrapped(text, self.console.width)
        self.console.print(Text("\n".join(lines), style), soft_wrap=True)

    @contextlib.contextmanager
    def logging(self) -> Iterator[Self]:
        """Show the log of `ltx_async` from warnings on, or from the level in LTX_ASYNC_LOG on.

        Raises:
            ConfigurationError: there is no such level.
        """
        level = _log_level()
        logger = logging.getLogger("ltx_async")
        before = logger.level, logger.propagate
        handler = _TalkHandler(self)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
        try:
            yield self
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before[0])
            logger.propagate = before[1]


def _log_level() -> int:
    given = os.environ.get(LOG_VARIABLE, "").strip().lower()
    if given and given not in _LEVELS:
        raise ConfigurationError(
            f"{LOG_VARIABLE} is no level: {given[:20]!r}",
            hint="Set it to one of " + ", ".join(_LEVELS) + ", or unset it.",
        )
    return _LEVELS.get(given, logging.WARNING)


class _TalkHandler(logging.Handler):
    """Passes log records on, so that they and the progress do not overwrite each other."""

    def __init__(self, talk: Talk) -> None:
        super().__init__()
        self._talk = talk

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, a traceback in it line by line.

        Records that only tell programs what commands print themselves are left out.
        """
        if record.name == _FOR_PROGRAMS:
            return
        for line in self.format(record).split("\n"):
            self._talk.line(line)


def is_terminal(descriptor: int) -> bool:
    """Whether a descriptor leads to a terminal that understands cursor movement."""
    return os.isatty(descriptor) and os.environ.get("TERM") != "dumb"
