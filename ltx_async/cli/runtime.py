"""Run a command in an event loop, uvloop where that pays, and with signals that end it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import os
import select
import signal
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Final, TypeVar

from attrs import define, field

from ltx_async.cli.exits import CommandError
from ltx_async.cli.terminal.messages import Talk
from ltx_async.cli.terminal.streams import hurry

try:
    _resource: Any = import_module("resource")
except ImportError:  # Windows
    _resource = None

_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_FEWEST_FREE: Final = (
    17  # further files that a run opens: the loop, the input, SQLite's output, a connection
)
_SHOW_CURSOR: Final = b"\x1b[?25h\n"
T = TypeVar("T")


@define(eq=False)
class Interrupt:
    """The first SIGINT, SIGTERM or SIGHUP asks a command to end; a second one ends it at once.

    Attributes:
        signal: which one came, None before that.
    """

    signal: int | None = None
    _came: asyncio.Event = field(factory=asyncio.Event, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)

    def listen(self) -> None:
        """Catch the signals in the running loop, except those that the parent had ignored.

        `nohup` has SIGHUP ignored, and a shell script SIGINT for its background jobs.
        """
        loop = self._loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, self._came.set)  # wakes the loop
            # This replaces the loop's own handler, which does nothing. It is called even while
            # the loop is blocked, as by a message that nobody reads.
            signal.signal(number, self.receive)

    def receive(self, number: int, _frame: object = None) -> None:
        """Note a signal, or leave at once when it is the second one."""
        if self.signal is not None:
            _leave(number)
        self.signal = number
        hurry()
        if self._loop is None:
            self._came.set()
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            # Set from the loop: a signal may interrupt `Event.wait` just before it waits.
            self._loop.call_soon_threadsafe(self._came.set)

    @property
    def exit_status(self) -> int:
        """What the shell is told of the signal."""
        assert self.signal is not None
        return 128 + self.signal

    async def wait(self) -> None:
        """Return when a signal has come."""
        await self._came.wait()


def _leave(number: int) -> None:
    with contextlib.suppress(OSError):  # on Windows, select takes sockets only
        if os.isatty(2) and select.select((), (2,), (), 0)[1]:  # after Ctrl-S a write would block
            os.write(2, _SHOW_CURSOR)  # the progress may have hidden it
    os._exit(128 + number)


def _verify_descriptors() -> None:
    """Refuse to begin with so few descriptors that an import or the loop would fail."""
    if _resource is None:
        return
    opened: list[int] = []
    try:  # inherited descriptors count against the limit too
        opened.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(_FEWEST_FREE))
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            limit, _ = _resource.getrlimit(_resource.RLIMIT_NOFILE)
            raise CommandError(
                f"this process may open {limit} files at most.", hint="Raise that: ulimit -n 1024"
            ) from None
    finally:
        for descriptor in opened:
            os.close(descriptor)


Body = Callable[..., Coroutine[Any, Any, int]]


def in_event_loop(body: Body, *, many: bool = True) -> Callable[..., int]:
    """Make a command of a coroutine function, which is given a `Talk` and an `Interrupt`.

    Its log and `--quiet` are handled by the talk. If a signal interrupts it within
    `unless_interrupted`, the command ends with the exit status of that signal.

    Args:
        body: the function.
        many: whether it sends so many requests that loading uvloop pays.
    """

    @functools.wraps(body)
    def command(*, quiet: bool = False, **options: Any) -> int:
        talk = Talk(quiet=quiet)
        with talk.logging():
            make_loop = _loop_factory(talk) if many else None
            return _run(make_loop, lambda interrupt: body(talk, interrupt, **options))

    return command


def _run(
    make_loop: Callable[[], asyncio.AbstractEventLoop] | None,
    command: Callable[[Interrupt], Coroutine[Any, Any, int]],
) -> int:
    """Run a command that ends by itself after an interrupt, and return its exit status.

    Raises:
        CommandError: there are too few file descriptors.
    """
    _verify_descriptors()
    interrupt = Interrupt()

    async def listening() -> int:
        interrupt.listen()
        return await command(interrupt)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        try:
            return runner.run(listening())
        except _InterruptedError:
            return interrupt.exit_status


class _InterruptedError(Exception):
    """A signal has come, and there is nothing that could be finished."""


async def unless_interrupted(interrupt: Interrupt, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`; a signal cancels it, and the command with it."""
    task = await _ended(interrupt, work)
    if task.cancelled():
        raise _InterruptedError
    return task.result()


async def or_interrupt(
    interrupt: Interrupt, work: Coroutine[Any, Any, T], grace: float = 0.0
) -> T | None:
    """Return the result of `work`, or cancel it `grace` seconds after a signal and return None."""
    task = await _ended(interrupt, work, grace)
    return None if task.cancelled() else task.result()


async def _ended(
    interrupt: Interrupt, work: Coroutine[Any, Any, T], grace: float = 0.0
) -> asyncio.Task[T]:
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(interrupt.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({task}, timeout=grace)
    waiting.cancel()
    task.cancel()
    await asyncio.wait({task, waiting})
    return task


def _loop_factory(talk: Talk) -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - optional, and never in the way of --version
    except ImportError:
        return None
    except Exception as error:  # noqa: BLE001 - a broken build fails as it likes
        talk.warn(f"uvloop cannot be loaded, asyncio's own loop runs: {error}")
        return None
    return uvloop.new_event_loop
