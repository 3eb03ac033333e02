"""How far a run is: two or three live lines on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from attrs import define, field, frozen

from ltx_async.cli.terminal.messages import Talk
from ltx_async.wording import clipped, inert, wrapped

_LIVE_INTERVAL: Final = 0.1
_PLAIN_INTERVAL: Final = 5.0
_NOT_BEFORE: Final = 0.3
_WINDOW: Final = 5.0
_WIDEST_BAR: Final = 30
_NARROWEST_BAR: Final = 6
_LONGEST_ETA: Final = 359_999
_NOTE_LINES: Final = 3


@frozen
class Snapshot:
    """Where a run stands.

    Attributes:
        done: entries that need nothing more.
        expected: entries in all, None where that is unknown.
        counts: entries by outcome.
        rate: entries done per second over the last seconds.
        note: why no requests are being sent; empty when they are.
        exact: whether `expected` was counted; else it is an estimate.
    """

    done: int
    expected: int | None
    counts: Mapping[str, int] = field(hash=False)
    rate: float = 0.0
    note: str = ""
    exact: bool = True

    @property
    def share(self) -> float | None:
        """The part that is done, 0 to 1, None where that is unknown."""
        if self.expected is None:
            return None
        return min(1.0, self.done / self.expected) if self.expected else 1.0

    @property
    def eta(self) -> str | None:
        """The time left as `h:mm:ss`, None where that is unknown."""
        if self.expected is None or self.rate <= 0:
            return None
        seconds = (self.expected - self.done) / self.rate
        return str(timedelta(seconds=round(max(0.0, seconds)))) if seconds < _LONGEST_ETA else None


def progress_lines(now: Snapshot, width: int, *, ascii_only: bool = False) -> list[str]:
    """Return lines of at most `width` characters that show where a run stands."""
    figures = _figures(now, width)
    room = width - len(figures) - 2
    if now.share is not None and room >= _NARROWEST_BAR:
        figures = f"{_bar(now.share, min(room, _WIDEST_BAR), ascii_only=ascii_only)}  {figures}"
    lines = [clipped(figures, width), *_wrapped(_count_texts(now.counts), width)]
    return [*lines, *_note(now.note, width)] if now.note else lines


def _note(text: str, width: int) -> list[str]:
    """Break a note between words, and cut what does not fit into a few lines."""
    lines = wrapped(inert(text), width)
    return [clipped(line, width) for line in lines[:_NOTE_LINES]]


def plain_line(now: Snapshot) -> str:
    """Return one line for a log that shows where a run stands."""
    text = f"{_figures(now, 200)}: {', '.join(_count_texts(now.counts))}"
    return f"{text}; {now.note}" if now.note else text


def _figures(now: Snapshot, width: int) -> str:
    """Join the figures in order of weight, as many as `width` has room for."""
    about = "" if now.exact else "~"
    done = f"{now.done:,}" if now.expected is None else f"{now.done:,}/{about}{now.expected:,}"
    parts = [] if now.share is None else [f"{int(now.share * 100):3d}%"]
    parts += [done, f"{now.rate:,.0f}/s" if now.rate < 1e6 else "?/s"]
    if now.eta is not None:
        parts.append(f"ETA {now.eta}")
    while len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


def _bar(share: float, width: int, *, ascii_only: bool) -> str:
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    filled = int(share * width)
    return full * filled + empty * (width - filled)


def _count_texts(counts: Mapping[str, int]) -> list[str]:
    texts = [f"{name} {count:,}" for name, count in counts.items() if count]
    return texts or ["nothing yet"]


def _wrapped(texts: list[str], width: int) -> list[str]:
    lines = [""]
    for text in texts:
        joined = f"{lines[-1]}  {text}" if lines[-1] else text
        if len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(clipped(text, width))
    return lines


@define
class Speedometer:
    """Measures the rate over the last seconds."""

    _readings: deque[tuple[float, int]] = field(factory=deque, init=False)

    def rate(self, done: int, now: float) -> float:
        """Note that `done` entries are done at `now` (seconds) and return entries per second."""
        readings = self._readings
        readings.append((now, done))
        while len(readings) > 2 and readings[1][0] <= now - _WINDOW:
            readings.popleft()
        since, before = readings[0]
        return (done - before) / (now - since) if now > since else 0.0


@contextlib.asynccontextmanager
async def shown_progress(
    talk: Talk, look: Callable[[float], Snapshot], *, live: bool = True
) -> AsyncIterator[None]:
    """Show the progress of the block: live on a terminal, else a line every few seconds.

    Args:
        talk: where progress is shown; if it is quiet, none is.
        look: returns where the run stands; it is called with the time in seconds
            (`time.monotonic`), by which the rate is measured.
        live: whether lines may be redrawn on the terminal; False if records go there too.
    """
    if talk.quiet or (talk.console is not None and not live):
        yield
        return
    show = _plainly if talk.console is None else _live
    task = asyncio.create_task(show(talk, look))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _plainly(talk: Talk, look: Callable[[float], Snapshot]) -> None:
    look(time.monotonic())  # the rate is measured from here on
    while True:
        await asyncio.sleep(_PLAIN_INTERVAL)
        talk.line(plain_line(look(time.monotonic())))


async def _live(talk: Talk, look: Callable[[float], Snapshot]) -> None:
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    look(time.monotonic())  # the rate is measured from here on
    await asyncio.sleep(_NOT_BEFORE)  # a short run shows no progress
    console = talk.console
    assert console is not None

    def picture() -> Any:
        ascii_only = not console.encoding.lower().startswith("utf")
        lines = progress_lines(look(time.monotonic()), console.width, ascii_only=ascii_only)
        return Text("\n".join(lines), no_wrap=True, overflow="crop")

    # Without a thread of its own; its lines vanish at the end, and the summary stays.
    with Live(
        picture(),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        while True:
            await asyncio.sleep(_LIVE_INTERVAL)
            live.update(picture(), refresh=True)
